"""The one-file form: canonical, readable by any zip program, and refused unless every byte is the writer's."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelkeep as mk
from fuzz import forge
from modelkeep import bundle
from modelkeep.artifact import FileEntry, Manifest, decode_manifest
from modelkeep.bundle_writer import write_bundle
from modelkeep.errors import ContainerError, IntegrityError, LoadError, VersionError
from modelkeep.ports import Buffer, Part


def manifest_of(entries: dict[str, FileEntry]) -> Manifest:
    return Manifest(modelkeep=1, format="keep", framework="python", model="builtins.list", files=entries)


def written(files: dict[str, bytes], **pieces: int) -> bytes:
    """A bundle of ``files``; ``pieces`` says in how many chunks a file is given."""

    def part(name: str, data: bytes) -> Part:
        step = -(-len(data) // pieces.get(name, 1)) or 1
        return Part(len(data), lambda: [data[i : i + step] for i in range(0, len(data), step)])

    memory = io.BytesIO()
    write_bundle(memory, {name: part(name, data) for name, data in files.items()}, manifest_of)
    return memory.getvalue()


class CountingFile(io.BytesIO):
    """A file that takes at most ``most`` bytes a call, as a raw file near the end of a disk does."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def write(self, data: Buffer) -> int:  # type: ignore[override]
        return super().write(bytes(data[: self.most]))


NAMES = st.text(st.sampled_from("abcXYZ019_-. é模/"), min_size=1, max_size=20).filter(
    lambda name: bundle._is_inside(name.encode()) and name != "manifest.json"
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=300), max_size=6))
def test_what_was_written_is_read(files: dict[str, bytes]) -> None:
    data = written(files)
    artifact = bundle.open_bundle(memoryview(data))
    artifact.verify()
    assert {name: bytes(view) for name, view in artifact.files.items()} == files
    assert written(files) == data


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(LoadError):
        bundle.open_bundle(memoryview(data))


def test_any_zip_program_opens_it() -> None:
    files = {"graph.json": b"{}", "arrays.safetensors": bytes(1000), "code/é.py": b"x = 1\n"}
    with zipfile.ZipFile(io.BytesIO(written(files))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted([*files, "manifest.json"])
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        for name, data in files.items():
            assert archive.read(name) == data


def test_unzip_opens_a_saved_model(tmp_path: Path) -> None:
    mk.save({"a": np.arange(10.0)}, tmp_path / "m.keep")
    with zipfile.ZipFile(tmp_path / "m.keep") as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["format"] == "keep"


def test_data_of_every_member_is_aligned() -> None:
    data = written({f"{'n' * i}": b"x" * i for i in range(1, 130, 7)})
    artifact = bundle.open_bundle(memoryview(data))
    base = np.frombuffer(data, np.uint8).__array_interface__["data"][0]
    for view in artifact.files.values():
        assert (np.frombuffer(view, np.uint8).__array_interface__["data"][0] - base) % bundle.ALIGNMENT == 0


def test_the_order_in_which_parts_are_given_does_not_matter() -> None:
    files = {"z": b"1", "graph.json": b"2", "arrays.safetensors": b"3"}
    assert written(files) == written(dict(reversed(files.items())))


def test_chunks_do_not_matter() -> None:
    data = bytes(range(256)) * 8000  # more than is put together in memory
    assert written({"a": data}) == written({"a": data}, a=7) == written({"a": data}, a=1000)


@pytest.mark.parametrize("most", [1 << 10, 50_000, 1 << 30])
def test_short_writes_are_repeated(most: int) -> None:
    data = np.random.default_rng(0).bytes(2 << 20)
    file = CountingFile(most)
    write_bundle(file, {"a": Part.of(data), "z": Part.of(data[:100])}, manifest_of)
    assert file.getvalue() == written({"a": data, "z": data[:100]})


def test_a_file_that_takes_nothing_more_is_an_error() -> None:
    with pytest.raises(OSError, match="no more bytes"):
        write_bundle(CountingFile(0), {"a": Part.of(b"x")}, manifest_of)


def test_a_writer_that_gives_other_bytes_than_announced_is_noticed() -> None:
    with pytest.raises(AssertionError, match="announced 5 bytes and gave 3"):
        write_bundle(io.BytesIO(), {"a": Part(5, lambda: [b"abc"])}, manifest_of)


def test_progress_counts_every_byte_of_a_large_save() -> None:
    seen: list[tuple[int, int]] = []
    data = bytes(3 << 20)
    write_bundle(io.BytesIO(), {"a": Part.of(data)}, manifest_of, lambda done, total: seen.append((done, total)))
    assert sum(done for done, _ in seen) >= len(data)
    assert {total for _, total in seen} == {len(data)}


def test_a_part_is_not_held_whole() -> None:
    """The next piece is asked for when the one before the last was written."""
    file, behind = io.BytesIO(), []

    def chunks() -> Iterator[Buffer]:
        for i in range(20):
            behind.append(i - (file.tell() >> 20))
            yield bytes(1 << 20)

    write_bundle(file, {"a": Part(20 << 20, chunks)}, manifest_of)
    assert len(behind) == 20
    assert max(behind) <= 1


class TestManifest:
    def test_encoding_is_canonical(self) -> None:
        manifest = Manifest(
            modelkeep=1, format="keep", framework="x", model="m",
            files={"b": FileEntry(1, "d"), "a": FileEntry(2, "e")},
            schema={"z": 1, "a": {"y": [1, None, True, "é\u2028"]}},
        )  # fmt: skip
        raw = manifest.encode()
        assert raw.index(b'"a"') < raw.index(b'"b"')
        assert b" " not in raw
        assert decode_manifest(raw) == manifest
        assert manifest.digest == forge.digest(raw)

    def test_a_newer_version_is_named_even_if_its_fields_are_unknown(self) -> None:
        with pytest.raises(VersionError, match="version '7'") as caught:
            decode_manifest(b'{"modelkeep":7,"stamp":{}}')
        assert "pip install -U modelkeep" in caught.value.hint

    def test_text_of_the_file_is_quoted(self) -> None:
        with pytest.raises(ContainerError) as caught:
            decode_manifest(b'{"modelkeep":1,"\\u001b[2J":1}')
        assert "\x1b" not in str(caught.value)


def test_wrong_digest_names_the_file() -> None:
    pieces = forge.take_apart(mk.dumps([1.5]))
    data = pieces.seal()
    damaged = data.replace(pieces.files["graph.json"], pieces.files["graph.json"].replace(b"1.5", b"2.5"))
    with pytest.raises(IntegrityError, match=r"graph\.json is not what was saved"):
        mk.loads(damaged)


def test_trusted_integrity_leaves_the_digests_out() -> None:
    """The caller vouches for the bytes: only what is not needed for reading goes unnoticed."""
    pieces = forge.take_apart(mk.dumps([1.5]))
    damaged = pieces.seal().replace(b"1.5]", b"2.5]")
    assert mk.loads(damaged, integrity="trusted") == [2.5]
