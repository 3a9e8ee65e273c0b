"""Changed copies of honest graphs and programs, opened and asked in a process that must live through all of them.

Run as a script: ``graphs`` or ``programs``, a seed, and how many. It prints how many were refused, failed, or ran.
"""

from __future__ import annotations

import io
import json
import random
import sys
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch

import modelkeep as mk
import zoo_torch
from keeping import decoded, encoded
from modelkeep import torch_programs
from modelkeep.errors import LoadError
from modelkeep.torch_operators import ATEN

VALUES: list[Any] = [
    0, 1, -1, 2, 3, 7, 16, 64, 4096, 1 << 20, 1 << 31, 1 << 40, -5, True, False, None, 0.5, -1.0, 1e30, "NaN", "x", "",
    [], {}, ["list", []], ["tuple", [1, 1]], ["tuple", [0, 0]], ["tuple", [4096, 1]], ["tuple", [-1, -1]],
]  # fmt: skip
PROGRAMS = ("mlp", "cnn", "lstm", "gru both ways", "transformer encoder", "attention", "embedding", "own class")
#: What a mutant may ask for: more would only try the machine's memory.
MEMORY = 12 << 30


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield (*path, key)
        yield from places(part, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def mutate(root: Any, rng: random.Random) -> None:
    """Change one place: to a value of the list, a neighbour number, what stands at another place, another operator."""
    every = list(places(root))
    path = rng.choice(every)
    old, chance = at(root, path), rng.random()
    new: Any = rng.choice(VALUES)
    if isinstance(old, str) and old.startswith("torch.ops."):
        name = rng.choice(sorted(ATEN))
        packet = getattr(torch.ops.aten, name, None)
        new = f"torch.ops.aten.{name}.{rng.choice(packet.overloads() if packet else ['default'])}"
    elif type(old) is int and chance < 0.3:
        new = old + rng.choice([-1, 1, 2, 64])
    elif chance < 0.7:
        same = [other for other in every if type(at(root, other)) is type(old) and other[-1] == path[-1]]
        new = json.loads(json.dumps(at(root, rng.choice(same))))
    at(root, path[:-1])[path[-1]] = new


def graph(name: str, rng: random.Random) -> Any:
    files = encoded(zoo_torch.made(name)[0])
    text = json.loads(files["graph.json"])
    for _ in range(rng.choice([1, 1, 2])):
        mutate(text["root"], rng)
    changed = files | {"graph.json": json.dumps(text, separators=(",", ":")).encode()}
    return decoded(changed, mk.Policy(trust=["zoo_torch"]))


_archives: dict[str, bytes] = {}


def program(name: str, rng: random.Random) -> Any:
    if name not in _archives:
        module, inputs = zoo_torch.made(name)
        _archives[name] = torch_programs.archive_of(torch_programs.export(module, inputs))
    memory = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_archives[name])) as old, zipfile.ZipFile(memory, "w") as new:
        for part in old.namelist():
            data = old.read(part)
            if part.endswith("models/model.json"):
                text = json.loads(data)
                for _ in range(rng.choice([1, 1, 2])):
                    mutate(text["graph_module"]["graph"]["nodes"], rng)
                data = json.dumps(text).encode()
            new.writestr(part, data)
    return mk.load(memory.getvalue(), format="pt2")


def main(kind: str, seed: int, count: int) -> Counter[str]:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    rng, told = random.Random(seed), Counter[str]()
    make, names = (graph, list(zoo_torch.ZOO)) if kind == "graphs" else (program, list(PROGRAMS))
    for _ in range(count):
        name = rng.choice(names)
        try:
            module = make(name, rng)
        except LoadError:
            told["refused"] += 1
            continue
        try:
            with torch.no_grad():
                module(*zoo_torch.made(name)[1])
            told["ran"] += 1
        except Exception:  # whatever PyTorch says of it: it says so, and goes on
            told["failed"] += 1
    return told


if __name__ == "__main__":
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
