"""The table of opcodes: what each byte of a pickle does to the machine."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from modelkeep.formats.unpickle import scalars
from modelkeep.formats.unpickle.records import ByteArray

if TYPE_CHECKING:
    from modelkeep.formats.unpickle.machine import Machine

Action = Callable[["Machine"], None]

#: From this length on byte strings stay views into the file.
VIEW_FROM = 1024
#: A text that is written out in characters; protocols 0 to 2 write bytes as such.
MAX_LINE = 1 << 32
_DOUBLE = struct.Struct(">d")


def _unknown(machine: Machine) -> NoReturn:
    machine.pos -= 1
    raise machine.fault(f"there is no opcode {machine.data[machine.pos]:#04x}")


def _push(read: Callable[[Machine], Any]) -> Action:
    def action(machine: Machine) -> None:
        machine.stack.append(read(machine))

    return action


def _constant(value: Any) -> Action:
    return lambda machine: machine.stack.append(value)


def _number(layout: str) -> Action:
    return _push(lambda machine: machine.number(layout))


def _line(parse: Callable[[bytes], Any], limit: int = scalars.MAX_NUMBER_LINE) -> Action:
    return _push(lambda machine: parse(machine.line(limit)))


def _sized(layout: str, make: Callable[[memoryview], Any]) -> Action:
    """A value whose length, of ``layout``, stands before it."""
    return _push(lambda machine: make(machine.take(machine.number(layout))))


def _short(make: Callable[[memoryview], Any]) -> Action:
    return _push(lambda machine: make(machine.take(machine.byte())))


def _since_mark(make: Callable[[list[Any]], Any]) -> Action:
    def action(machine: Machine) -> None:
        items = machine.popped_mark()  # first: it changes which stack is the current one
        machine.stack.append(make(items))

    return action


def _refused(what: str) -> Action:
    return lambda machine: machine.refuse(what)


def _bytes(view: memoryview) -> bytes | memoryview:
    return bytes(view) if len(view) < VIEW_FROM else view


# The most frequent opcodes of all by far take no detour.


def _short_text(machine: Machine) -> None:
    data, pos = machine.data, machine.pos + 1
    end = pos + data[pos - 1] if pos <= machine.end else pos
    if end > machine.end:
        raise machine.fault("a text is cut off")
    machine.stack.append(str(data[pos:end], "utf-8", "surrogatepass"))
    machine.pos = end


def _memoize(machine: Machine) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _four_byte_integer(machine: Machine) -> None:
    machine.stack.append(machine.number("<i"))


def _byte_integer(machine: Machine) -> None:
    machine.stack.append(machine.byte())


def _old(view: memoryview) -> Any:
    return scalars.old_text(bytes(view))


def _stack_global(machine: Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.name(module, name)


def _reduce(machine: Machine) -> None:
    args, callee = machine.stack.pop(), machine.stack.pop()
    machine.call(callee, args, "reduce")


def _new(machine: Machine) -> None:
    args, cls = machine.stack.pop(), machine.stack.pop()
    machine.call(cls, args, "new")


def _new_with_names(machine: Machine) -> None:
    kwargs, args, cls = machine.stack.pop(), machine.stack.pop(), machine.stack.pop()
    machine.call(cls, args, "new", kwargs)


def _instance(machine: Machine) -> None:
    machine.name(*machine.global_lines())
    cls = machine.stack.pop()
    machine.call(cls, tuple(machine.popped_mark()), "instance")


def _object(machine: Machine) -> None:
    cls, *args = _some(machine.popped_mark())
    machine.call(cls, tuple(args), "instance")


def _some(items: list[Any]) -> list[Any]:
    if not items:
        raise IndexError
    return items


def _set_item(machine: Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    machine.set_items([key, value])


_ACTIONS: dict[bytes, Action] = {
    b"\x80": lambda m: m.protocol(),
    b"\x95": lambda m: m.frame(),
    b".": lambda m: m.stop(),
    # constants and numbers
    b"N": _constant(None), b"\x88": _constant(True), b"\x89": _constant(False),
    b"I": _line(scalars.integer_or_bool), b"L": _line(scalars.integer), b"F": _line(scalars.real),
    b"J": _four_byte_integer, b"K": _byte_integer, b"M": _number("<H"),
    b"\x8a": _short(scalars.binary_integer), b"\x8b": _sized("<i", scalars.binary_integer),
    b"G": _push(lambda m: _DOUBLE.unpack(m.take(8))[0]),
    # texts and bytes
    b"S": _line(scalars.quoted_text, MAX_LINE), b"V": _line(scalars.escaped_text, MAX_LINE),
    b"T": _sized("<i", _old), b"U": _short(_old),
    b"X": _sized("<I", scalars.utf8), b"\x8c": _short_text, b"\x8d": _sized("<Q", scalars.utf8),
    b"B": _sized("<I", _bytes), b"C": _short(_bytes), b"\x8e": _sized("<Q", _bytes),
    b"\x96": _sized("<Q", ByteArray),
    # containers
    b"]": _push(lambda m: []), b")": _constant(()), b"}": _push(lambda m: {}), b"\x8f": _push(lambda m: set()),
    b"l": _since_mark(list), b"t": _since_mark(tuple),
    b"d": lambda m: m.dictionary(), b"\x91": lambda m: m.frozen_set(),
    b"\x85": lambda m: m.tuple_of(1), b"\x86": lambda m: m.tuple_of(2), b"\x87": lambda m: m.tuple_of(3),
    b"a": lambda m: m.append([m.stack.pop()]), b"e": lambda m: m.append(m.popped_mark()),
    b"s": _set_item, b"u": lambda m: m.set_items(m.popped_mark()), b"\x90": lambda m: m.add_items(m.popped_mark()),
    # the stack and the memo
    b"(": lambda m: m.mark(), b"0": lambda m: m.pop(), b"1": lambda m: void(m.popped_mark()),
    b"2": lambda m: m.repeat(m.stack[-1]),
    b"p": lambda m: m.put(scalars.position(m.line(12))), b"q": lambda m: m.put(m.byte()),
    b"r": lambda m: m.put(m.number("<I")), b"\x94": _memoize,
    b"g": lambda m: m.get(scalars.position(m.line(12))), b"h": lambda m: m.get(m.byte()),
    b"j": lambda m: m.get(m.number("<I")),
    # names and calls
    b"c": lambda m: m.name(*m.global_lines()), b"\x93": _stack_global,
    b"R": _reduce, b"\x81": _new, b"\x92": _new_with_names, b"i": _instance, b"o": _object,
    b"b": lambda m: m.build(),
    # what only its own program can resolve
    b"P": _refused("a persistent id"), b"Q": _refused("a persistent id"),
    b"\x82": _refused("an extension code"), b"\x83": _refused("an extension code"),
    b"\x84": _refused("an extension code"),
    b"\x97": _refused("a buffer outside of the file"), b"\x98": _refused("a buffer outside of the file"),
}  # fmt: skip


def void(_: Any) -> None:
    """Drop a value."""


OPCODES: list[Action] = [_ACTIONS.get(bytes([code]), _unknown) for code in range(256)]
