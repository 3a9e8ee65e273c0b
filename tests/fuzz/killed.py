"""A process that saves over and over until it is killed.

python -m fuzz.killed PATH SIZES...
"""

from __future__ import annotations

import itertools
import sys

import numpy as np

import modelkeep as mk


def model(number: int, sizes: list[int]) -> dict[str, object]:
    """Every version is as large as the next size says, and holds its number throughout."""
    return {"number": number, "values": np.full(sizes[number % len(sizes)], float(number))}


def main(path: str, sizes: list[int]) -> None:
    for number in itertools.count(1):
        mk.save(model(number, sizes), path)
        # What was acknowledged has to be there after the kill.
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], [int(size) for size in sys.argv[2:]])
