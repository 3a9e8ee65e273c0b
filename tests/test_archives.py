"""Zip archives of other programs: what is written comes back, and no change of a byte goes by unnoticed."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkeep.archives import open_zip
from modelkeep.errors import ContainerError

LIMIT = 1 << 20
NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}(/[A-Za-z0-9_][a-z0-9]{0,5}){0,2}", fullmatch=True)


def packed(members: dict[str, bytes], method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def contents(data: bytes) -> dict[str, bytes]:
    archive = open_zip(memoryview(data), LIMIT)
    return {name: bytes(archive.read(name)) for name in archive.members}


@settings(max_examples=100, deadline=None)
@given(
    members=st.dictionaries(NAMES, st.binary(max_size=300), max_size=5),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_what_zipfile_writes_is_read(members: dict[str, bytes], method: int) -> None:
    if len({name.casefold() for name in members}) == len(members):
        assert contents(packed(members, method)) == members


def test_what_numpy_writes_is_read() -> None:
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, a=np.arange(5), b=np.eye(2))
        assert set(contents(file.getvalue())) == {"a.npy", "b.npy"}


def test_a_folder_is_no_member() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.mkdir("assets")
        archive.writestr("assets/a", b"x")
    assert contents(file.getvalue()) == {"assets/a": b"x"}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_every_flipped_bit_is_refused_or_changes_nothing(method: int) -> None:
    """Times, versions and permissions say nothing of the members; all else is noticed."""
    members = {"config.json": b'{"a": 1}', "weights/w.bin": bytes(range(60))}
    data, refused = packed(members, method), 0
    for place in range(len(data)):
        for bit in range(8):
            mutant = bytearray(data)
            mutant[place] ^= 1 << bit
            try:
                assert contents(bytes(mutant)) == members
            except ContainerError:
                refused += 1
    assert refused > 6 * len(data)


def test_every_cut_and_every_addition_is_refused() -> None:
    data = packed({"a": b"12345", "b": b""}, zipfile.ZIP_STORED)
    for length in range(len(data)):
        with pytest.raises(ContainerError):
            contents(data[:length])
    for place in range(len(data) + 1):
        with pytest.raises(ContainerError):
            contents(data[:place] + b"\0" + data[place:])


def test_a_member_that_is_not_there_is_told() -> None:
    archive = open_zip(memoryview(packed({"a": b"1"}, zipfile.ZIP_STORED)), LIMIT)
    with pytest.raises(ContainerError, match="has no 'b'"):
        archive.read("b")


def test_members_have_a_limit_together() -> None:
    data = packed({"a": bytes(600), "b": bytes(600)}, zipfile.ZIP_DEFLATED)
    assert len(open_zip(memoryview(data), 1200).members) == 2
    with pytest.raises(ContainerError, match="more than 1,199 bytes"):
        open_zip(memoryview(data), 1199)
