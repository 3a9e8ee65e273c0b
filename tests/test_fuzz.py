"""Mutants of small models: none may kill, hang, swell or fool a reader, and only modelkeep's own errors come out.

The full measure: ``make fuzz``, or ``MODELKEEP_FULL=1 pytest tests/test_fuzz.py``.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import blake3
import pytest

import modelkeep as mk
import second_reader
from fuzz import forge, judge, models, mutate, run
from modelkeep import bundle
from modelkeep.errors import LoadError, ModelkeepError
from modelkeep.formats.keep import files as keep

FULL = os.environ.get("MODELKEEP_FULL") == "1"
MUTANTS = 20_000 if FULL else 1_200
FLIPS = 2_000 if FULL else 400
COMPARED = 20_000 if FULL else 2_000


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bases")
    models.write_bases(folder)
    return folder


def test_mutants(bases: Path) -> None:
    """Truncations, edited bytes, edited JSON, swapped members; sealed again where they are to get past the digests."""
    tally = run.run(bases, MUTANTS, seed="full" if FULL else "short")
    print(tally.table())
    assert not tally.faults, "\n".join(tally.faults[:50])
    assert tally.counts.total() == MUTANTS
    assert len({key.split(" ")[1] for key in tally.counts}) >= 5  # the mutants got as far as they should


def refused(data: bytes) -> str:
    """The stage that refuses ``data``, which must not load."""
    try:
        mk.loads(data)
    except ModelkeepError as refusal:
        error = refusal
    else:
        pytest.fail("a damaged file was loaded")
    assert not judge.refusal_faults(error)
    return error.stage if isinstance(error, LoadError) else error.kind


def test_every_single_bit_flip_of_a_small_file() -> None:
    """All positions: each byte of a file is covered by a digest, or follows from others."""
    data = mk.dumps({"weights": [1.5, 2.5]})
    stages = {refused(mutate.flip_bit(data, bit)) for bit in range(8 * len(data))}
    # The other kinds of refusal: the first bytes are another format's, or the comment says another version.
    assert {"container", "integrity"} <= stages <= {"container", "integrity", "manifest", "policy"}


def test_random_bit_flips(bases: Path) -> None:
    rng = random.Random(0)
    files = [path.read_bytes() for path in sorted(bases.glob("*.keep"))]
    for _ in range(FLIPS):
        data = rng.choice(files)
        assert refused(mutate.flip_bit(data, rng.randrange(8 * len(data)))) != "drift"


def test_every_truncation_of_a_small_file() -> None:
    data = mk.dumps({"weights": [1.5, 2.5]})
    for length in range(len(data)):
        refused(data[:length])


def accepted_by_first(data: bytes) -> bool:
    try:
        artifact = bundle.open_bundle(memoryview(bytearray(data)))
        artifact.verify()
        keep.check_names(artifact.files)
        keep.plan(artifact.files)
    except LoadError:
        return False
    return True


def accepted_by_second(data: bytes) -> bool:
    try:
        second_reader.read(data, lambda raw: blake3.blake3(raw).hexdigest())
    except second_reader.Refused:
        return False
    return True


def outer_mutants(files: list[bytes], count: int) -> Iterator[tuple[str, bytes]]:
    """Mutants of what both readers look at: the container, the manifest, headers, and the text of the graph."""
    for i in range(count):
        rng = random.Random(f"compared:{i}")
        kind = rng.choice(
            ("flip", "edit", "truncate", "text", "text", "manifest", "manifest", "header", "header", "members")
        )
        yield kind, {**mutate.RAW, **mutate.SEALED}[kind](rng.choice(files), rng, files)


def test_second_reader_agrees_on_mutants(bases: Path) -> None:
    files = [path.read_bytes() for path in sorted(bases.glob("*.keep"))]
    differ, accepted = [], 0
    for i, (kind, data) in enumerate(outer_mutants(files, COMPARED)):
        first, second = accepted_by_first(data), accepted_by_second(data)
        accepted += first
        if first != second:
            differ.append(f"{i} {kind}: first {first}, second {second}")
    assert not differ, "\n".join(differ[:20])
    assert 0.02 * COMPARED < accepted < 0.5 * COMPARED  # both answers were given often enough to compare


def test_own_blake3_is_blake3() -> None:
    rng = random.Random(0)
    for size in (0, 1, 64, 65, 1023, 1024, 1025, 2048, 3073, 8193):
        data = rng.randbytes(size)
        assert second_reader.blake3(data) == blake3.blake3(data).hexdigest()


def test_forge_gives_back_what_it_took_apart(bases: Path) -> None:
    for path in bases.glob("*.keep"):
        data = path.read_bytes()
        assert forge.take_apart(data).seal() == data


class TestTheTestsNotice:
    """A harness that reports nothing is worth nothing: planted faults are found."""

    def test_a_death(self, bases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "sitecustomize.py").write_text(
            "import os\n"
            "if os.environ.get('PLANTED'):\n"
            "    import fuzz.judge\n"
            "    true = fuzz.judge.load\n"
            "    seen = []\n"
            "    def load(data, watch):\n"
            "        seen.append(1)\n"
            "        if len(seen) > 60: os.abort()\n"
            "        return true(data, watch)\n"
            "    fuzz.judge.load = load\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setenv("PLANTED", "1")
        tally = run.run(bases, 60, jobs=1)
        assert tally.counts["any died"] >= 1
        assert any("was killed by signal 6" in fault for fault in tally.faults)

    def test_an_open_file(self, tmp_path: Path) -> None:
        watch = judge.Watch()
        (tmp_path / "x").write_text("x")
        with watch as seen:
            (tmp_path / "x").read_text()
            exec("1 + 1")
        assert [event.split()[0] for event in seen] == ["open", "compile", "exec"]

    def test_memory(self) -> None:
        # In a process of its own: one that has used much memory before may have room that counts already.
        code = "from fuzz import judge; a = judge.reset_peak(); b = b'x' * (64 << 20); print(judge.peak() - a)"
        done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True)
        assert int(done.stdout) > 60 << 20, done.stderr
