"""Files made to harm the reader: every vector is refused at its stage, every bomb quickly and in little room."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import modelkeep as mk
import second_reader
from fuzz import forge, judge
from fuzz.child import judge_file
from modelkeep import bundle
from modelkeep.errors import LoadError, ModelkeepError
from modelkeep.formats.keep import files as keep

VECTORS = Path(__file__).parent / "vectors"
INDEX: dict[str, dict[str, str]] = json.loads((VECTORS / "index.json").read_text())
MIB = 1 << 20


def refusal(path: Path) -> ModelkeepError:
    """Warnings count as harm: nobody asked for them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ModelkeepError) as caught:
            mk.load(path)
    return caught.value


@pytest.mark.parametrize("name", sorted(INDEX))
def test_vector_is_refused_at_its_stage(name: str) -> None:
    error = refusal(VECTORS / f"{name}.keep")
    assert isinstance(error, LoadError), type(error)
    assert error.stage == INDEX[name]["stage"], str(error)
    assert not judge.refusal_faults(error)
    if error.stage in ("container", "integrity", "manifest", "policy"):
        assert error.hint


@pytest.mark.parametrize("name", sorted(INDEX))
def test_vector_does_not_harm_inspect_and_verify(name: str) -> None:
    for verb in (mk.inspect, mk.verify):
        faults: list[str] = []
        try:
            verb(VECTORS / f"{name}.keep")
        except ModelkeepError as error:
            faults = judge.refusal_faults(error)
        assert not faults


def test_index_lists_the_files() -> None:
    assert {path.stem for path in VECTORS.glob("*.keep")} == set(INDEX)
    assert all(path.stat().st_size <= 8192 for path in VECTORS.glob("*.keep"))
    assert {entry["stage"] for entry in INDEX.values()} == {
        "container", "integrity", "manifest", "policy", "parse", "check"
    }  # fmt: skip
    assert len(INDEX) >= 300


def outer_reader_accepts(data: bytes) -> bool:
    """Whether the real reader accepts what the second reader looks at."""
    try:
        artifact = bundle.open_bundle(memoryview(bytearray(data)))
        artifact.verify()
        keep.check_names(artifact.files)
        keep.plan(artifact.files)
    except LoadError:
        return False
    return True


@pytest.mark.parametrize("name", sorted(INDEX))
def test_second_reader_agrees(name: str) -> None:
    data = (VECTORS / f"{name}.keep").read_bytes()
    stage = ""
    try:
        second_reader.read(data)
    except second_reader.Refused as error:
        stage = error.stage
    assert outer_reader_accepts(data) == (stage == "")
    # Where both refuse, the second reader may call a stage by the part that it reads: manifest for container.
    assert stage in ("", INDEX[name]["stage"]) or {stage, INDEX[name]["stage"]} <= {
        "container",
        "integrity",
        "manifest",
    }


def test_second_reader_accepts_what_is_sound() -> None:
    for model in ([1], {"é": "\x7f", "b": b"x" * 5000}, list(range(3000))):
        assert second_reader.read(mk.dumps(model))["model"] == f"builtins.{type(model).__name__}"


def nested_keys(key: str, depth: int) -> Any:
    root: Any = ["ref", 5]
    for _ in range(depth):
        root = ["dict", {key: root}]
    return root


@pytest.mark.parametrize(
    ("root", "tables"),
    [
        (nested_keys("a" * 100_000, 1), {}),
        (nested_keys("a" * 250, 100), {}),
        (nested_keys("\x1b[2J", 100), {}),
        (["x" * 100_000], {}),
        (["decimal", "x" * 100_000], {}),
        (1, {"types": ["x" * 100_000]}),
        (1, {"functions": ["m:" + "x" * 100_000]}),
        (1, {"types": ["m:" + "é" * 100_000]}),
    ],
)
def test_errors_show_little_of_a_file(root: Any, tables: dict[str, Any]) -> None:
    with pytest.raises(LoadError) as caught:
        mk.loads(forge.artifact(root, **tables))
    assert not judge.refusal_faults(caught.value)
    assert len(str(caught.value)) < 1000


def test_the_command_line_shows_texts_of_a_file_harmless(tmp_path: Path) -> None:
    """Escapes would move the cursor, retitle the window, or turn the direction of writing."""
    text = "\x1b[2J\x1b]0;title\x07\u202e[red]markup[/red]\r\nx"
    pieces = forge.take_apart(mk.dumps({text: [text, {"a": text}]}))
    pieces.manifest |= {"model": text, "framework": text, "schema": {text: text}}
    pieces.manifest["probe"]["notes"] = [text]
    pieces.manifest["facts"]["own"] = [text]
    (tmp_path / "a.keep").write_bytes(pieces.seal())
    mk.save({"b": 1}, tmp_path / "b.keep")
    for arguments in (["inspect", "a.keep"], ["inspect", "a.keep", "--json"], ["diff", "a.keep", "b.keep"]):
        command = [sys.executable, "-m", "modelkeep", *arguments]
        done = subprocess.run(command, capture_output=True, cwd=tmp_path, check=False)
        shown = (done.stdout + done.stderr).decode()
        assert "Traceback" not in shown
        assert "markup" in shown
        assert not {"\x1b", "\x07", "\u202e", "\r"} & set(shown)


# -- bombs: small files that ask for much ----------------------------------------------------------------------------


def flat(item: bytes, count: int) -> bytes:
    """A graph whose root is a list of ``count`` items."""
    head, tail = forge.graph_file(1).split(b'"root":1')
    return forge.artifact(head + b'"root":["list",[' + b",".join([item] * count) + b"]]" + tail)


def deep(opening: bytes, closing: bytes, count: int) -> bytes:
    return forge.artifact(forge.graph_file(1).replace(b'"root":1', b'"root":' + opening * count + closing * count))


def tensors(count: int) -> bytes:
    """A file of ``count`` tensors of one byte."""
    header = {str(i): {"dtype": "U8", "shape": [1], "data_offsets": [i, i + 1]} for i in range(count)}
    return forge.artifact(["array", 0], forge.arrays_file(header, bytes(count)))


def ones(dtype: str, size: int, root: Any, shape: list[int] | None = None, **tables: Any) -> bytes:
    header = {"0": {"dtype": dtype, "shape": shape or [size], "data_offsets": [0, size]}}
    return forge.artifact(root, forge.arrays_file(header, bytes(size)), **tables)


def members(count: int) -> bytes:
    pieces = forge.take_apart(forge.artifact(1))
    pieces.files |= {f"code/a{i}.py": b"" for i in range(count)}
    return pieces.seal()


def zstd_bomb(size: int) -> bytes:
    """A frame that says how much it unpacks to, which is more than the table says."""
    import zstandard

    frame = zstandard.ZstdCompressor().compress(bytes(size))
    header = {"0": {"dtype": "U8", "shape": [len(frame)], "data_offsets": [0, len(frame)]}}
    row = [0, "U8", [1024], False, [len(frame)]]
    return forge.artifact(["array", 0], forge.arrays_file(header, frame), packed=[row])


def zstd_often(count: int) -> bytes:
    """One packed array of 4 MiB, asked for ``count`` times."""
    import zstandard

    frame = zstandard.ZstdCompressor().compress(bytes(4 * MIB))
    header = {"0": {"dtype": "U8", "shape": [len(frame)], "data_offsets": [0, len(frame)]}}
    row = [0, "U8", [4 * MIB], False, [len(frame)]]
    return forge.artifact(["list", [["array", 0]] * count], forge.arrays_file(header, frame), packed=[row])


def colliding(count: int) -> bytes:
    """Keys that all have the same hash."""
    return forge.artifact(
        ["map", [["int", f"{((1 << 61) - 1) * (i << 40):x}"] for i in range(1, count)], [0] * (count - 1)]
    )


def shared_tuples(levels: int) -> Any:
    pair: Any = ["tuple", []]
    for i in range(levels):
        pair = ["tuple", [["def", i, pair], ["ref", i]]]
    return pair


GAPS = {"dtype": f"|S{8 * MIB}", "shape": [1] * 31, "gaps": [True] * 31}


def shared_lists() -> Any:
    """A thousand numbers, a thousand times, ten thousand times."""
    thousand = ["def", 0, ["list", list(range(1000))]]
    million = ["def", 1, ["list", [thousand, *[["ref", 0]] * 999]]]
    return ["list", [million, *[["ref", 1]] * 9999]]


def arrays_shared() -> Any:
    return ["list", [["def", 0, ["array", 0]], *[["ref", 0]] * 100_000]]


BROADCAST = ["array", 0, {"shape": [1 << 27], "strides": [0], "offset": 0}]
#: name -> (the file, the outcomes that are right, the seconds that it may take on a slow machine)
BOMBS: dict[str, tuple[Callable[[], bytes], set[str], float]] = {
    "brackets": (lambda: flat(b"[]", 1_000_000), {"parse"}, 10),
    "braces": (lambda: flat(b"{}", 1_000_000), {"parse"}, 10),
    "lists": (lambda: flat(b'["list",[]]', 300_000), {"loaded"}, 20),
    "numbers": (lambda: flat(b"0", 4_000_000), {"loaded"}, 10),
    "large_numbers": (lambda: flat(b"9007199254740993", 500_000), {"loaded"}, 10),
    "texts": (lambda: flat(b'"aaaaaa"', 1_000_000), {"loaded"}, 10),
    "one_text": (lambda: flat(b'"' + b"x" * 20_000_000 + b'"', 1), {"loaded"}, 10),
    "nested_lists": (lambda: deep(b"[", b"]", 100_000), {"parse"}, 10),
    "nested_nodes": (lambda: deep(b'["list",[', b"]]", 100_000), {"parse"}, 10),
    "open_brackets": (lambda: deep(b"[", b"", 1_000_000), {"parse"}, 10),
    "digits": (lambda: flat(b"7" * 100_000, 1), {"parse"}, 10),
    "fraction_digits": (lambda: flat(b"0." + b"7" * 1_000_000, 1), {"loaded", "parse"}, 10),
    "exponent": (lambda: flat(b"1e" + b"9" * 100_000, 1), {"parse"}, 10),
    "decimal_digits": (lambda: flat(b'["decimal","' + b"7" * 1_000_000 + b'"]', 1), {"loaded", "parse"}, 20),
    "decimal_hash": (lambda: forge.artifact(["set", [["decimal", "1e999999999999"]]]), {"loaded", "parse"}, 10),
    "tensors": (lambda: tensors(100_000), {"loaded"}, 20),
    "members": (lambda: members(9_000), {"policy"}, 20),
    "too_many_members": (lambda: members(10_001), {"container"}, 20),
    "zstd": (lambda: zstd_bomb(1 << 30), {"integrity"}, 10),
    "zstd_often": (lambda: zstd_often(100_000), {"parse"}, 10),
    "hash_collisions": (lambda: colliding(100_000), {"parse"}, 20),
    "hash_tuples": (lambda: forge.artifact(["set", [shared_tuples(100)]]), {"parse"}, 10),
    "shared_tuples": (lambda: forge.artifact(shared_tuples(100)), {"parse"}, 10),
    "shared_lists": (lambda: forge.artifact(shared_lists()), {"parse"}, 10),
    "arrays_often": (lambda: ones("F64", 8 * MIB, ["list", [["array", 0]] * 100_000], [MIB]), {"parse"}, 10),
    "arrays_shared": (lambda: ones("F64", 8 * MIB, arrays_shared(), [MIB]), {"parse"}, 10),
    "bools_often": (lambda: ones("BOOL", 4 * MIB, ["list", [["array", 0]] * 100_000]), {"parse"}, 20),
    "gaps": (lambda: ones("U8", 8 * MIB, ["array", 0, GAPS]), {"parse"}, 10),
    "broadcast": (lambda: ones("U8", 1, ["list", [BROADCAST] * 100]), {"parse"}, 10),
    "empty_texts": (lambda: forge.artifact(
        ["array", 0, {"dtype": "<U0", "shape": [1 << 31]}],
        forge.arrays_file({"0": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}, b"")), {"parse"}, 10),
    "header_length": (lambda: forge.artifact(["array", 0], struct.pack("<Q", (1 << 63) - 1) + b"{}"), {"parse"}, 10),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BOMBS))
def test_bomb(name: str, tmp_path: Path) -> None:
    make, outcomes, seconds = BOMBS[name]
    path = tmp_path / "bomb.keep"
    path.write_bytes(data := make())
    verdict = judge_file(path)
    assert verdict.outcome in outcomes, verdict
    assert not verdict.faults, verdict
    assert verdict.seconds < seconds, verdict
    # A zstd block of 4 MiB is packed into a few hundred bytes: what the table of packed arrays says counts as file.
    packed = 4 * MIB if name == "zstd_often" else 0
    texts = 0 if name == "zstd" else sum(len(raw) for raw in open_files(data).values())
    allowed = judge.allowed_memory(len(data) + packed, texts)
    assert verdict.grown <= allowed, f"{verdict.grown / MIB:.0f} MiB grown, {allowed / MIB:.0f} MiB allowed"


def open_files(data: bytes) -> dict[str, bytes]:
    """The JSON texts of an artifact: those of graphs, and the headers of arrays."""
    try:
        files = forge.take_apart(data).files
    except LoadError:
        return {}
    texts = {name: raw for name, raw in files.items() if name.endswith(".json")}
    for name, raw in files.items():
        if name.endswith(".safetensors"):
            (size,) = struct.unpack_from("<Q", raw)
            texts[name] = raw[8 : 8 + min(size, len(raw))]
    return texts
