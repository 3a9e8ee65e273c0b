"""The opcodes of pickle protocols 0 to 5, interpreted into inert records: no call, no import, no attribute look-up.

Source of the opcodes' meaning: the standard library's documentation of them, ``pickletools``. Refused outright:
persistent ids, extension codes, out-of-band buffers, and whatever an honest pickler never writes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelkeep.errors import PolicyError
from modelkeep.formats.unpickle.cursor import Cursor
from modelkeep.formats.unpickle.opcodes import OPCODES
from modelkeep.formats.unpickle.records import ABSENT, Call, Global, How, OldText

MAX_OPCODES = 20_000_000
MAX_NAME = 1000
#: What a pickle may repeat by reference: a text is written out wherever it stands, so sharing multiplies it.
MAX_REPEATED = 64 << 20
#: Keys that Python hashes in a way that a file can foresee must be few, or short.
MAX_FORESEEN_KEYS = 1000
_MAX_INT_KEY = 1 << 60

_EASY_KEYS = frozenset({str, bytes, bool, float, type(None), Global, Call, OldText})


class Machine(Cursor):
    """One pickle stream. ``run()`` gives what it stands for, and leaves ``pos`` behind its last opcode.

    ``on_build(machine, call)`` is called when a call has got its state; joblib puts arrays right behind that place.
    """

    __slots__ = ("_frame_end", "_marks", "_on_build", "_repeated", "_start", "_stopped", "memo", "stack")

    def __init__(self, data: memoryview, pos: int = 0, on_build: Callable[[Machine, Call], None] | None = None) -> None:
        super().__init__(data, pos)
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self._marks: list[list[Any]] = []
        self._on_build = on_build
        self._start = self._frame_end = pos
        self._stopped = False
        self._repeated = 0

    def run(self) -> Any:
        data, table, left = self.data, OPCODES, MAX_OPCODES
        try:
            while not self._stopped:
                if self.pos >= self.end:
                    raise self.fault("it ends before its last opcode")
                code = data[self.pos]
                self.pos += 1
                left -= 1
                if left < 0:
                    raise self.fault(f"it has more than {MAX_OPCODES} opcodes")
                table[code](self)
            result = self.stack.pop()
        except IndexError:
            raise self.fault("an opcode needs more values than there are on the stack") from None
        except (ValueError, UnicodeError) as error:
            raise self.fault(str(error)) from None
        if self.stack or self._marks:
            raise self.fault("values are left on the stack")
        return result

    # -- the stack ------------------------------------------------------------------------------------------------

    def popped_mark(self) -> list[Any]:
        """The values since the last mark."""
        items = self.stack
        self.stack = self._marks.pop()
        return items

    def mark(self) -> None:
        self._marks.append(self.stack)
        self.stack = []

    def pop(self) -> None:
        if self.stack:
            del self.stack[-1]
        else:
            self.popped_mark()

    def repeat(self, value: Any) -> None:
        """Push a value that the stream has given before."""
        kind = type(value)
        if kind is str or kind is bytes or kind is memoryview:
            self._repeated += len(value)
            if self._repeated > MAX_REPEATED + 32 * self.end:
                raise self.fault("it repeats texts out of all proportion to its size")
        self.stack.append(value)

    # -- the memo -------------------------------------------------------------------------------------------------

    def get(self, position: int) -> None:
        try:
            value = self.memo[position]
        except KeyError:
            raise self.fault(f"nothing was remembered as {position}") from None
        self.repeat(value)

    def put(self, position: int) -> None:
        self.memo[position] = self.stack[-1]

    # -- the frame of a stream --------------------------------------------------------------------------------------

    def protocol(self) -> None:
        if self.pos != self._start + 1:
            raise self.fault("a protocol is announced in the middle")
        number = self.byte()
        if number > 5:
            raise self.fault(f"there is no pickle protocol {number}", "install a newer modelkeep, which may know it")

    def frame(self) -> None:
        size = self.number("<Q")
        if self.pos - 9 < self._frame_end:
            raise self.fault("a frame begins inside another")
        if size > self.end - self.pos:
            raise self.fault(f"a frame of {size} bytes is announced and {self.end - self.pos} are left")
        self._frame_end = self.pos + size

    def stop(self) -> None:
        if self.pos < self._frame_end:
            raise self.fault("it stops before the end of its frame")
        self._stopped = True

    # -- containers -----------------------------------------------------------------------------------------------

    def append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is list:
            target.extend(items)
        elif type(target) is Call:
            target.items = _extended(target.items if target.items is not None else [], items)
        else:
            raise self.fault(f"elements are added to a {_kind(target)}")

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict and type(target) is not Call:
            raise self.fault(f"keys are set on a {_kind(target)}")
        if len(items) % 2:
            raise self.fault("a key has no value")
        self.check_keys(items[::2], target)
        pairs = zip(items[::2], items[1::2], strict=True)
        if isinstance(target, Call):
            target.pairs = _extended(target.pairs if target.pairs is not None else [], pairs)
        else:
            target.update(pairs)

    def add_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not set:
            raise self.fault(f"members are added to a {_kind(target)}")
        self.check_keys(items, target)
        target.update(items)

    def check_keys(self, keys: list[Any], target: Any = ()) -> None:
        """Whether ``keys`` can be hashed, in a time that the file can't make long and at a depth it can't make deep."""
        kinds = set(map(type, keys))
        if kinds <= _EASY_KEYS:
            return
        if int in kinds and any(type(key) is int and not -_MAX_INT_KEY < key < _MAX_INT_KEY for key in keys):
            raise self.fault("a whole number is too large for a key")
        if kinds - _EASY_KEYS <= {int}:
            return
        if all(type(key) in _EASY_KEYS or (type(key) is tuple and set(map(type, key)) == {Call}) for key in keys):
            return  # records have the hashes of their places in memory
        size = len(target.pairs or ()) if type(target) is Call else len(target)
        if size + len(keys) > MAX_FORESEEN_KEYS:
            raise self.fault(f"more than {MAX_FORESEEN_KEYS} keys are not plain values")
        for key in keys:
            inner = set(map(type, key)) if type(key) in (tuple, frozenset) else {type(key)}
            if not inner <= _EASY_KEYS | {int}:
                raise self.fault(f"a {_kind(key)} is used as a key")

    def frozen_set(self) -> None:
        items = self.popped_mark()
        self.check_keys(items)
        self.stack.append(frozenset(items))

    def dictionary(self) -> None:
        items = self.popped_mark()
        self.stack.append({})
        self.set_items(items)

    def tuple_of(self, size: int) -> None:
        if size > len(self.stack):
            raise IndexError
        self.stack[-size:] = [tuple(self.stack[-size:])]

    # -- names and calls ------------------------------------------------------------------------------------------

    def name(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str or len(module) > MAX_NAME or len(name) > MAX_NAME:
            raise self.fault("a name is not a short text")
        self.stack.append(Global(module, name))

    def global_lines(self) -> tuple[str, str]:
        return str(self.line(MAX_NAME), "utf-8"), str(self.line(MAX_NAME), "utf-8")

    def call(self, callee: Any, args: Any, how: How, kwargs: Any = None) -> None:
        if type(args) is not tuple or (kwargs is not None and type(kwargs) is not dict):
            raise self.fault("the arguments of a call are not a tuple and a dictionary")
        made = Call(callee, args, how, self.pos - 1, kwargs)
        if how == "reduce" and type(callee) is Global and callee.module in ("copyreg", "copy_reg"):
            _as_new(callee, made)
        self.stack.append(made)

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if type(target) is not Call:
            raise self.fault(f"a state is given to a {_kind(target)}")
        if target.state is not ABSENT:
            raise self.fault("an object is given its state twice")
        target.state = state
        if self._on_build is not None:
            self._on_build(self, target)

    def refuse(self, what: str) -> None:
        raise PolicyError(
            f"the pickle uses {what} at byte {self.pos - 1}, which can only be read by the program that wrote it",
            hint="open it with that program, and save the model again as one file",
        )


def _extended(items: list[Any], more: Any) -> list[Any]:
    items.extend(more)
    return items


def _as_new(callee: Global, call: Call) -> None:
    """Turn the ways in which protocols 0 and 1 write ``cls.__new__(cls, ...)`` into that."""
    args = call.args
    if callee.name == "__newobj__" and args:
        call.callee, call.args, call.how = args[0], args[1:], "new"
    if callee.name != "_reconstructor" or len(args) != 3 or type(args[1]) is not Global:
        return
    base, content = str(args[1]).removeprefix("__builtin__.").removeprefix("builtins."), args[2]
    if base == "object" and content is None:
        call.callee, call.args, call.how = args[0], (), "new"
    elif base == "tuple" and type(content) is tuple:
        call.callee, call.args, call.how = args[0], content, "new"
    elif base == "dict" and type(content) is dict:
        call.callee, call.args, call.how, call.pairs = args[0], (), "new", list(content.items())


def _kind(value: Any) -> str:
    return "record" if isinstance(value, Call | Global) else type(value).__name__
