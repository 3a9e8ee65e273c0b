"""Bech32: how age writes keys as text, with a checksum that notices a typing error (BIP 173, without its limit)."""

from __future__ import annotations

_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def encode(prefix: str, data: bytes) -> str:
    """``data`` as text that begins with ``prefix``, in small letters.

    >>> encode("age", bytes(4))
    'age1qqqqqqqd9e8ae'
    """
    values = _regroup(data, 8, 5, pad=True)
    checksum = _polymod([*_expanded(prefix), *values, 0, 0, 0, 0, 0, 0]) ^ 1
    values += [checksum >> 5 * (5 - i) & 31 for i in range(6)]
    return f"{prefix}1{''.join(_LETTERS[value] for value in values)}"


def decode(text: str) -> tuple[str, bytes]:
    """The prefix and the data: ``encode(*decode(x)) == x.lower()``. ``ValueError`` for anything else.

    >>> decode("age1qqqqqqqd9e8ae")
    ('age', b'\\x00\\x00\\x00\\x00')
    """
    if text not in (text.lower(), text.upper()):
        raise ValueError("small and capital letters are mixed")
    prefix, one, rest = text.lower().rpartition("1")
    if not one or not prefix or len(rest) < 6 or not text.isascii() or not text.isprintable():
        raise ValueError("it is too short")
    if any(letter not in _LETTERS for letter in rest):
        raise ValueError("it has letters that no key has")
    values = [_LETTERS.index(letter) for letter in rest]
    if _polymod([*_expanded(prefix), *values]) != 1:
        raise ValueError("its checksum is wrong")
    return prefix, bytes(_regroup(values[:-6], 5, 8, pad=False))


def _expanded(prefix: str) -> list[int]:
    return [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix)]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, term in enumerate(_GENERATOR):
            check ^= term if top >> i & 1 else 0
    return check


def _regroup(values: bytes | list[int], width: int, to: int, *, pad: bool) -> list[int]:
    """Groups of ``width`` bits as groups of ``to`` bits. What is left over must be zero, and less than a group."""
    bits = kept = 0
    out = []
    for value in values:
        kept = kept << width | value
        bits += width
        while bits >= to:
            bits -= to
            out.append(kept >> bits & (1 << to) - 1)
        kept &= (1 << bits) - 1
    if pad and bits:
        out.append(kept << (to - bits))
    elif bits >= width or kept:
        raise ValueError("it does not end where a byte ends")
    return out
