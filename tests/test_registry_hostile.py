"""A registry in a folder that somebody else can write to: damaged, mixed up, or made to do harm.

The laws, after any change of its files: what is asked is answered as before or refused by one of modelkeep's errors, in
a bounded time; a collection removes nothing that a version which could be loaded needs; what was written afterwards
and acknowledged can be read back; and if fsck finds nothing, everything can be loaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3

import modelkeep as mk
from modelkeep import errors
from modelkeep.errors import ModelkeepError

FULL = os.environ.get("MODELKEEP_FULL") == "1"
LIMIT = 60
NAMES = ("iris", "other")


def value(name: str, number: int) -> dict[str, Any]:
    """A version: its large array is shared by all of a name, the rest is its own."""
    return {"shared": np.arange(20_000.0), "own": np.full(10_000, number, np.float64), "is": f"{name}:{number}"}


def same(first: Any, second: Any) -> bool:
    return (
        isinstance(first, dict)
        and first["is"] == second["is"]
        and all(np.array_equal(first[key], second[key]) for key in ("shared", "own"))
    )


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("honest")
    with state(place / "state"):
        registry = mk.Registry(place / "models", author="ada")
        for name, count in zip(NAMES, (4, 2), strict=True):
            for number in range(1, count + 1):
                registry.save(name, value(name, number), metrics={"accuracy": number / 10}, message=f"try {number}")
            for number in (count - 1, count):
                registry.set_alias(name, "production", number)
        registry.set_alias("iris", "staging", 3)
        registry.rollback("iris", "production")
        registry.tag("iris:2", {"team": "flowers"}, {"f1": 0.5})
        registry.certify("iris:3", {"format": "onnx", "passed": True})
        registry.set_card("iris:3", "---\nlicense: mit\n---\n# a card")
        registry.remove("iris:1")
        registry.gc()
        yield place / "models"


#: What references mean in the honest registry.
MEANT = {
    "iris": ("iris", 4), "iris:2": ("iris", 2), "iris:3": ("iris", 3), "iris:4": ("iris", 4),
    "iris@production": ("iris", 3), "iris@staging": ("iris", 3), "other": ("other", 2), "other:1": ("other", 1),
    "other:2": ("other", 2), "other@production": ("other", 2),
}  # fmt: skip


@contextlib.contextmanager
def state(folder: Path) -> Iterator[None]:
    """What a reader remembers is in a folder of its own: a new reader, who has seen nothing of the registry yet."""
    before = os.environ.get("MODELKEEP_STATE")
    os.environ["MODELKEEP_STATE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["MODELKEEP_STATE"]
        else:
            os.environ["MODELKEEP_STATE"] = before


@contextlib.contextmanager
def bounded(seconds: int = LIMIT) -> Iterator[None]:
    """An answer takes no longer, whatever the files say."""

    def ring(number: int, frame: object) -> None:
        raise AssertionError(f"no answer within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# -- the laws ------------------------------------------------------------------------------------------------------


class Judge:
    """Asks a changed registry everything. ``forged`` says that records were written anew with digests of their own."""

    def __init__(self, place: Path, *, forged: bool) -> None:
        self.place, self.forged = place, forged
        self.answered = self.refused = 0

    def registry(self) -> mk.Registry:
        return mk.Registry(self.place, author="eve")

    def ask(self, question: Callable[[mk.Registry], Any]) -> Any:
        """An answer, or None where it was refused."""
        try:
            found = question(self.registry())
        except ModelkeepError as error:
            text = str(error)
        else:
            self.answered += 1
            return found
        assert len(text) < 5000
        assert "\x1b" not in text
        self.refused += 1
        return None

    def loadable(self) -> dict[str, Any]:
        """What can be loaded, each compared with what it has to be."""
        found = {}
        for ref, (name, number) in MEANT.items():
            got = self.ask(lambda registry, ref=ref: registry.load(ref))
            if got is None:
                continue
            found[ref] = got
            if not self.forged:
                # Without the last records an older state is a state that there was; nobody who comes anew can know.
                wanted = value(name, number)
                is_older = "@" in ref or ":" not in ref
                assert same(got, wanted) or (is_older and any(same(got, value(name, n)) for n in range(1, 5))), ref
            else:
                assert any(same(got, value(n, k)) for n in NAMES for k in range(1, 6)), ref
        return found

    def reads(self) -> None:
        for name in self.ask(lambda registry: registry.names()) or NAMES:
            for version in self.ask(lambda registry, name=name: registry.versions(name)) or []:
                assert version.name == name
            self.ask(lambda registry, name=name: registry.aliases(name))
            self.ask(lambda registry, name=name: [event.as_dict() for event in registry.history(name)])
        for summary in self.ask(lambda registry: registry.summaries()) or []:
            json.dumps(summary.as_dict())
            if summary.latest is not None:
                assert summary.latest.name == summary.name
        for ref in MEANT:
            self.ask(lambda registry, ref=ref: registry.version(ref).as_dict())
            self.ask(lambda registry, ref=ref: registry.lineage(ref))
        for ref in ("iris:3", "iris@production"):
            self.ask(lambda registry, ref=ref: registry.card(ref))
            self.ask(lambda registry, ref=ref: registry.certificates(ref))
            self.ask(lambda registry, ref=ref: registry.verify(ref))
            self.ask(lambda registry, ref=ref: registry.inspect(ref))

    def writes(self) -> None:
        """What is acknowledged holds."""
        for name in NAMES:
            saved = self.ask(lambda registry, name=name: registry.save(name, value(name, 5)))
            if saved is not None:
                got = self.ask(lambda registry, saved=saved: registry.load(saved))
                assert same(got, value(name, 5)) or (self.forged and got is None), "an acknowledged version is lost"
                assert self.ask(lambda registry, saved=saved: registry.set_alias(saved.name, "new", saved)) is None or (
                    self.ask(lambda registry, saved=saved: registry.aliases(saved.name))["new"] == saved
                )
            back = self.ask(lambda registry, name=name: registry.rollback(name, "production"))
            if back is not None:
                there = self.ask(lambda registry, name=name: registry.versions(name))
                assert there is None or int(back) in map(int, there)
            self.ask(lambda registry, name=name: registry.promote(f"{name}:2", "staging"))
            self.ask(lambda registry, name=name: registry.tag(f"{name}:2", {"a": "b"}))
            self.ask(lambda registry, name=name: registry.remove(f"{name}:2"))

    def judge(self) -> None:
        self.reads()
        before = self.loadable()
        clean = self.ask(lambda registry: registry.fsck())
        if clean is not None and bool(clean) and not self.forged:
            assert {ref for ref in MEANT if ":" in ref} <= {*before, *self._gone()}
        self.ask(lambda registry: registry.gc())
        after = self.loadable()
        assert set(before) <= set(after), "a collection took what a version needs"
        for ref, got in before.items():
            assert same(got, after[ref])
        self.writes()
        self.loadable_or_newer()

    def _gone(self) -> set[str]:
        """Versions of which no record is there any more: the last ones, or whole names."""
        found = set()
        for ref in MEANT:
            name, _, number = ref.partition(":")
            if number and not (self.place / "models" / name / "versions" / f"{int(number):08d}.json").is_file():
                found.add(ref)
        return found

    def loadable_or_newer(self) -> None:
        for ref in MEANT:
            got = self.ask(lambda registry, ref=ref: registry.load(ref))
            assert got is None or any(same(got, value(n, k)) for n in NAMES for k in range(1, 6))


def judged(place: Path, *, forged: bool = False) -> Judge:
    judge = Judge(place, forged=forged)
    with state(place.parent / "reader"), bounded():
        judge.judge()
    outside = {path.name for path in place.parent.iterdir()} - {place.name, "reader"}
    assert not outside, f"written outside of the registry: {outside}"
    return judge


@pytest.fixture
def place(honest: Path, tmp_path: Path) -> Path:
    shutil.copytree(honest, tmp_path / "case" / "models")
    return tmp_path / "case" / "models"


def test_the_honest_registry_answers_everything(place: Path) -> None:
    judge = Judge(place, forged=False)
    with state(place.parent / "reader"):
        judge.reads()
        assert judge.loadable().keys() == MEANT.keys()
        assert judge.refused == 0
        assert judge.answered > 40
    judged(place)


def test_the_judge_notices(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = mk.Registry.load
    monkeypatch.setattr(mk.Registry, "load", lambda self, ref, **how: load(self, "other:1", **how))
    with pytest.raises(AssertionError):
        judged(place)


# -- single changes ------------------------------------------------------------------------------------------------


def canonical(record: dict[str, Any]) -> bytes:
    """A record with the digest that it has to have."""
    plain = json.dumps({**record, "check": ""}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return plain.replace(b'"check":""', b'"check":"%s"' % blake3(plain).hexdigest().encode(), 1) + b"\n"


def forged(file: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    record = json.loads(file.read_bytes())
    file.write_bytes(canonical(change(record) or record))


def versions(place: Path, name: str = "iris") -> Path:
    return place / "models" / name / "versions"


def log(place: Path, name: str = "iris") -> Path:
    return place / "models" / name / "log"


def last(folder: Path) -> Path:
    return sorted(folder.glob("*.json"))[-1]


def _swap(first: Path, second: Path) -> None:
    a, b = first.read_bytes(), second.read_bytes()
    first.write_bytes(b)
    second.write_bytes(a)


def _loop(place: Path) -> None:
    folder = place / "models" / "loops"
    folder.mkdir()
    for i in range(4):
        (folder / f"l{i}").symlink_to(folder)


def _self_link(place: Path) -> None:
    (place / "models" / "self").symlink_to("self")
    (place / "heads" / "self.1.1").symlink_to("self.1.1")
    (versions(place) / "00000009.json").symlink_to("00000009.json")


def _many_extents(record: dict[str, Any]) -> None:
    record["files"]["arrays.safetensors"] = [[0, 0, 1] for _ in range(300_000)]


def _huge_extents(record: dict[str, Any]) -> None:
    extent = max((e for part in record["files"].values() for e in part), key=lambda e: e[2])
    record["files"]["arrays.safetensors"] = [extent] * 50_000


def _circle(place: Path) -> None:
    def change(record: dict[str, Any]) -> None:
        number = record["number"]
        record["before"] = [1, number]
        for alias in record["aliases"]:
            record["aliases"][alias] = [record["aliases"][alias][0], number]

    for file in log(place).glob("*.json"):
        forged(file, change)


def _head(place: Path, **facts: Any) -> None:
    file = next((place / "heads").glob("iris.*"))
    forged(file, lambda record: record.update(facts))


def _write(file: Path, data: bytes | str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data.encode() if isinstance(data, str) else data)


def _object(place: Path) -> Path:
    return max((place / "objects").iterdir(), key=lambda file: file.stat().st_size)


_DEEP = "[" * 200_000
CASES: dict[str, Callable[[Path], Any]] = {
    # mixed up
    "two versions swapped": lambda p: _swap(versions(p) / "00000002.json", versions(p) / "00000003.json"),
    "a version of another name": lambda p: shutil.copy(
        versions(p, "other") / "00000002.json", versions(p) / "00000002.json"
    ),
    "the first version of another name": lambda p: shutil.copy(
        versions(p, "other") / "00000001.json", versions(p) / "00000001.json"
    ),
    "names swapped by a version": lambda p: _swap(
        versions(p) / "00000002.json", versions(p, "other") / "00000002.json"
    ),
    "a version again at the end": lambda p: shutil.copy(versions(p) / "00000002.json", versions(p) / "00000005.json"),
    "an older change at the end": lambda p: shutil.copy(log(p) / "00000001.json", last(log(p))),
    "a change again": lambda p: shutil.copy(
        log(p) / "00000001.json", log(p) / f"{int(last(log(p)).stem) + 1:08d}.json"
    ),
    "a change of another name": lambda p: shutil.copy(log(p, "other") / "00000002.json", log(p) / "00000002.json"),
    "a change as a version": lambda p: shutil.copy(log(p) / "00000002.json", versions(p) / "00000002.json"),
    "a version as a change": lambda p: shutil.copy(versions(p) / "00000002.json", log(p) / "00000002.json"),
    "settings as a version": lambda p: shutil.copy(p / "registry.json", versions(p) / "00000002.json"),
    "a head of another name": lambda p: shutil.copy(
        next((p / "heads").glob("other.*")), next((p / "heads").glob("iris.*"))
    ),
    "two objects swapped": lambda p: _swap(*sorted((p / "objects").iterdir(), key=lambda f: f.stat().st_size)[-2:]),
    # gone
    "a version gone": lambda p: (versions(p) / "00000003.json").unlink(),
    "the last version gone": lambda p: last(versions(p)).unlink(),
    "all versions gone": lambda p: shutil.rmtree(versions(p)),
    "a change gone": lambda p: (log(p) / "00000002.json").unlink(),
    "the last change gone": lambda p: last(log(p)).unlink(),
    "the log gone": lambda p: shutil.rmtree(log(p)),
    "settings gone": lambda p: (p / "registry.json").unlink(),
    "heads and index gone": lambda p: (shutil.rmtree(p / "heads"), (p / "index.json").unlink()),
    "an object gone": lambda p: _object(p).unlink(),
    "all objects gone": lambda p: shutil.rmtree(p / "objects"),
    "notes gone": lambda p: shutil.rmtree(p / "models" / "iris" / "notes"),
    # numbers and names
    "a record of a high number": lambda p: shutil.copy(versions(p) / "00000002.json", versions(p) / "99999999.json"),
    "a change of a high number": lambda p: shutil.copy(log(p) / "00000002.json", log(p) / "99999999.json"),
    "a note of a high number": lambda p: _write(p / "models" / "iris" / "notes" / "2" / "99999999.json", "{}"),
    "notes on no version": lambda p: _write(p / "models" / "iris" / "notes" / "9" / "00000001.json", "{}"),
    "notes on a huge version": lambda p: _write(p / "models" / "iris" / "notes" / ("9" * 250) / "00000001.json", "{}"),
    "number zero": lambda p: shutil.copy(versions(p) / "00000002.json", versions(p) / "00000000.json"),
    "other files among the records": lambda p: [
        _write(versions(p) / name, "x") for name in ("x", "1.json", ".hidden", "ü.json", "00000002.json.bak", "-1.json")
    ],
    "a name beyond the grammar": lambda p: shutil.copytree(p / "models" / "iris", p / "models" / "IRIS"),
    "a name with an escape": lambda p: shutil.copytree(p / "models" / "iris", p / "models" / "a\x1b[31m"),
    "a head of no name": lambda p: [_write(p / "heads" / n, "{}") for n in ("..1.1", "IRIS.1.1", "x.1", "nobody.9.9")],
    "a head of many digits": lambda p: _write(p / "heads" / f"iris.{'9' * 100}.{'9' * 100}", "{}"),
    # links and kinds of files
    "folders in a loop": _loop,
    "links to themselves": _self_link,
    "a link to another record": lambda p: (
        (versions(p) / "00000003.json").unlink(),
        (versions(p) / "00000003.json").symlink_to(versions(p) / "00000002.json"),
    ),
    "a link outside": lambda p: (_object(p).unlink(), _object(p).with_name("0" * 64).symlink_to("/etc/passwd")),
    "a pipe": lambda p: (_object(p).unlink(), os.mkfifo(p / "objects" / ("1" * 64)), os.mkfifo(p / "pins-pipe")),
    "a pipe as a record": lambda p: (last(versions(p)).unlink(), os.mkfifo(versions(p) / "00000004.json")),
    "a folder as a record": lambda p: (last(versions(p)).unlink(), _write(versions(p) / "00000004.json" / "x", "x")),
    "a file as a folder": lambda p: (shutil.rmtree(versions(p)), _write(versions(p), "x")),
    # settings
    "an id that leads outside": lambda p: forged(p / "registry.json", lambda r: r.update(id="../../../escaped")),
    "an absolute id": lambda p: forged(p / "registry.json", lambda r: r.update(id=str(p.parent / "escaped"))),
    "an empty id": lambda p: forged(p / "registry.json", lambda r: r.update(id="")),
    "an unknown compression": lambda p: forged(p / "registry.json", lambda r: r.update(compress="rar")),
    "a newer layout": lambda p: forged(p / "registry.json", lambda r: r.update(modelkeep=2)),
    "settings of brackets": lambda p: _write(p / "registry.json", _DEEP),
    # records
    "a record of brackets": lambda p: _write(last(versions(p)), _DEEP),
    "another number inside": lambda p: forged(last(versions(p)), lambda r: r.update(number=3)),
    "objects outside": lambda p: forged(last(versions(p)), lambda r: r.update(objects=[["../" * 21 + "a", 1, ""]])),
    "objects of another name": lambda p: forged(
        last(versions(p)), lambda r: r.update(objects=json.loads(last(versions(p, "other")).read_bytes())["objects"])
    ),
    "objects that are not there": lambda p: forged(last(versions(p)), lambda r: r.update(objects=[["f" * 64, 10, ""]])),
    "a size without end": lambda p: forged(last(versions(p)), lambda r: r.update(size=(1 << 53) - 1)),
    "an object of all memory": lambda p: forged(
        last(versions(p)), lambda r: r.update(objects=[[o[0], 1 << 39, o[2]] for o in r["objects"]])
    ),
    "many extents": lambda p: forged(last(versions(p)), _many_extents),
    "large extents many times": lambda p: forged(last(versions(p)), _huge_extents),
    "extents of no object": lambda p: forged(
        last(versions(p)), lambda r: r.update(files={"manifest.json": [[10**9, 0, 1]]})
    ),
    "files with paths": lambda p: forged(
        last(versions(p)), lambda r: r.update(files={f"../{k}": v for k, v in r["files"].items()})
    ),
    "a parent that is itself": lambda p: forged(last(versions(p)), lambda r: r.update(parent="iris:4")),
    "a parent that is no reference": lambda p: forged(last(versions(p)), lambda r: r.update(parent="../../x")),
    "a summary of others": lambda p: forged(last(versions(p)), lambda r: r.update(recent=r["recent"][:1] * 3)),
    "no summary": lambda p: forged(last(versions(p)), lambda r: r.update(recent=[])),
    "escapes in texts": lambda p: forged(
        last(versions(p)), lambda r: r.update(message="\x1b[31m" * 100, author="\u202e", model="\x07")
    ),
    "long texts": lambda p: forged(last(versions(p)), lambda r: r.update(message="x" * 5_000_000)),
    "metrics beyond numbers": lambda p: forged(last(versions(p)), lambda r: r.update(metrics={"a": 10**400})),
    "tags of another kind": lambda p: forged(last(versions(p)), lambda r: r.update(tags={"a": 1})),
    "a half of a character": lambda p: _write(
        last(versions(p)), last(versions(p)).read_bytes().replace(b"try", b"\xed\xa0\x80")
    ),
    # changes
    "an alias at no version": lambda p: forged(
        last(log(p)), lambda r: r.update(aliases={"production": [99, 1], "staging": [99_999_999, 1]})
    ),
    "an alias at a deleted version": lambda p: forged(
        last(log(p)), lambda r: r.update(aliases={"production": [1, 1], "staging": [1, 1]})
    ),
    "an alias by no change": lambda p: forged(
        last(log(p)), lambda r: r.update(aliases={"production": [3, 99_999_999], "staging": [3, 9999]})
    ),
    "an alias beyond the grammar": lambda p: forged(
        last(log(p)), lambda r: r["aliases"].update({"../x": [2, 1], "\x1b[31m": [2, 1], "": [2, 1]})
    ),
    "all deleted": lambda p: forged(last(log(p)), lambda r: r.update(deleted=[1, 2, 3, 4], aliases={})),
    "others deleted": lambda p: forged(last(log(p)), lambda r: r.update(deleted=[*range(1, 3000)] * 3, aliases={})),
    "rollbacks in circles": _circle,
    "an event of no kind": lambda p: forged(last(log(p)), lambda r: r.update(event="\x00", alias="\n", old=-1, new=-5)),
    # notes
    "certificates that are none": lambda p: forged(
        last(p / "models" / "iris" / "notes" / "3"), lambda r: r.update(certificates=["{", _DEEP, "[]", "1"])
    ),
    "signatures that are none": lambda p: forged(
        last(p / "models" / "iris" / "notes" / "3"), lambda r: r.update(signatures=["x", _DEEP, "{}"])
    ),
    # derived keys
    "a head without facts": lambda p: _head(p, facts={}),
    "a head that is another's": lambda p: _head(p, facts=None, latest=3),
    "a head with many versions": lambda p: _head(p, versions=99_999_999, counts=[99_999_999, 3]),
    "a head of negative numbers": lambda p: _head(p, versions=-1, latest=-1, counts=[-1, -1]),
    "a head of brackets": lambda p: _write(next((p / "heads").glob("iris.*")), _DEEP),
    "an index of brackets": lambda p: _write(p / "index.json", '{"names":' + _DEEP),
    "an index of nothing": lambda p: _write(p / "index.json", canonical({"names": {}})),
    "an index of other names": lambda p: forged(
        p / "index.json", lambda r: r["names"].update({"../x": r["names"]["iris"], "nobody": r["names"]["iris"]})
    ),
    "pins of no names": lambda p: [
        _write(p / "pins" / f"20261123T072844.123Z-{i:012d}", json.dumps({"name": name, "keys": ["../../x", ""]}))
        for i, name in enumerate(("../../etc", "", "IRIS", "x" * 10_000, "nobody", "iris"))
    ],
    "pins of brackets": lambda p: _write(p / "pins" / "20261123T072844.123Z-000000000000", _DEEP),
    "pins of no form": lambda p: _write(p / "pins" / "x", "[1, 2]"),
    # the trash
    "trash of no time": lambda p: _write(p / "trash" / "x" / "y", "z"),
    "objects in the trash": lambda p: (
        (p / "trash").mkdir(exist_ok=True)
        or shutil.move(p / "objects", p / "trash" / "20261123T072844.123Z-000000000000")
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_registry_that_was_tampered_with(case: str, place: Path) -> None:
    CASES[case](place)
    texts = ("links", "pipe", "folder", "file", "gone", "swapped", "again", "of another name", "trash", "objects in")
    unforged = any(part in case for part in texts) and "objects of" not in case
    judged(place, forged=not unforged)


def test_what_is_mixed_up_is_never_answered(place: Path) -> None:
    """One record in the place of another: whoever comes anew is told, and gets no other model."""
    mixed = {
        "iris:2": "two versions swapped", "iris:3": "two versions swapped", "other:2": "names swapped by a version",
    }  # fmt: skip
    for ref, case in mixed.items():
        copy = place.parent.parent / case.replace(" ", "-") / "models"
        if not copy.exists():
            shutil.copytree(place, copy)
            CASES[case](copy)
        with state(copy.parent / "reader"), pytest.raises(errors.HistoryError, match=r"is another's|two histories"):
            mk.Registry(copy).load(ref)


def test_an_alias_never_goes_back_by_an_old_record(place: Path) -> None:
    CASES["an older change at the end"](place)
    with state(place.parent / "reader"), pytest.raises(errors.HistoryError, match="is another's"):
        mk.Registry(place).load("iris@production")


def test_a_damaged_neighbour_costs_nothing(place: Path) -> None:
    """One flipped bit makes one version unreadable, and no other."""
    file = versions(place) / "00000003.json"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with state(place.parent / "reader"):
        registry = mk.Registry(place)
        for ref in ("iris:2", "iris:4", "iris"):
            assert same(registry.load(ref), value(*MEANT[ref]))
        with pytest.raises(errors.HistoryError):
            registry.load("iris:3")
        with pytest.raises(errors.HistoryError):
            registry.gc()
        assert [problem.key for problem in registry.fsck().problems if "record" in problem.what]


def test_nothing_is_kept_under_an_id_that_leads_outside(place: Path) -> None:
    CASES["an id that leads outside"](place)
    before = sorted(str(path) for path in place.parent.parent.rglob("*") if "models" not in path.parts)
    with state(place.parent / "reader"), pytest.raises(ModelkeepError):
        mk.Registry(place).load("iris")
    assert sorted(str(path) for path in place.parent.parent.rglob("*") if "models" not in path.parts) == before


# -- random changes ------------------------------------------------------------------------------------------------

_ODD: list[Any] = [
    None, True, 0, -1, 1, 99_999_999, 1 << 53, 10**30, 1.5, "", "x", "../x", "\x00", "\u202e", "😀" * 100,
    "x" * 100_000, [], {}, [[]], [1, 2], {"a": 1}, ["f" * 64, 1, ""], [[1, 1]], {"a": [1, 1]}, "blake3:" + "0" * 64,
    "0" * 64,
]  # fmt: skip


def _bytes_of(rng: random.Random, place: Path) -> bool:
    """A file whose bytes are changed, cut, or others; the records' digests say so."""
    files = sorted(path for path in place.rglob("*") if path.is_file())
    file = rng.choice(files)
    data = bytearray(file.read_bytes())
    kind = rng.randrange(7)
    if kind == 0 and data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del data[rng.randrange(len(data) + 1) :]
    elif kind == 2:
        data = bytearray(rng.randbytes(rng.randrange(200)))
    elif kind == 3:
        data += rng.randbytes(5)
    elif kind == 4:
        file.unlink()
        return False
    elif kind == 5:
        data = bytearray(rng.choice(files).read_bytes())
    else:
        _swap(file, rng.choice(files))
        return False
    file.write_bytes(data)
    return False


def _fields_of(rng: random.Random, place: Path) -> bool:
    """A record in which some value is another, with the right digest."""
    file = rng.choice(sorted(path for path in place.rglob("*") if path.is_file() and "objects" not in path.parts))

    def change(record: Any) -> None:
        target = record
        for _ in range(rng.randrange(1, 4)):
            if isinstance(target, dict | list) and len(target):
                keys = sorted(target) if isinstance(target, dict) else range(len(target))
                key = rng.choice(list(keys))
                if rng.random() < 0.5 and isinstance(target[key], dict | list) and target[key]:
                    target = target[key]
                    continue
                target[key] = rng.choice(_ODD)
                return

    try:
        forged(file, change)
    except (ValueError, UnicodeError, TypeError):  # it was no record any more
        _bytes_of(rng, place)
    return True


@pytest.mark.parametrize("seed", range(400 if FULL else 40))
def test_random_changes(seed: int, place: Path) -> None:
    rng = random.Random(seed)
    changes = [rng.choice((_bytes_of, _fields_of))(rng, place) for _ in range(rng.randrange(1, 4))]
    judged(place, forged=any(changes))
