"""Seal and unseal a large file, beside ``age`` itself: ``python -m benchmarks.sealing [MEGABYTES [FOLDER]]``.

Both are whole commands, start included, run in turn. A file of modelkeep is durable when the command returns, and one
of age is not: so age's is made durable behind it, and that counts. What age takes without it is shown, too.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROUNDS = 5
MODELKEEP = [sys.executable, "-m", "modelkeep"]


class Run(NamedTuple):
    """Seconds of a command, those until its file was durable, and the most memory that it had, in MB."""

    command: float
    durable: float
    peak: float


def run(command: list[str], target: Path) -> Run:
    target.unlink(missing_ok=True)
    os.sync()  # nobody pays for what another left to be written
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    command_time = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    descriptor = os.open(target, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    return Run(command_time, time.perf_counter() - start, usage.ru_maxrss / 1024)


def prepared(folder: Path, megabytes: int) -> str:
    """A file that nothing compresses, and a key; the recipient."""
    with (folder / "plain").open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1_000_000))
    subprocess.run(["age-keygen", "-o", folder / "key"], check=True, capture_output=True)
    shown = subprocess.run(["age-keygen", "-y", folder / "key"], check=True, capture_output=True, text=True)
    return shown.stdout.strip()


def measure(folder: Path, megabytes: int) -> None:
    recipient = prepared(folder, megabytes)
    plain, sealed, again, key = (str(folder / name) for name in ("plain", "sealed.age", "again", "key"))
    commands = {
        "seal": (["age", "-r", recipient, "-o", sealed, plain], [*MODELKEEP, "seal", plain, sealed, "--to", recipient]),
        "unseal": (
            ["age", "-d", "-i", key, "-o", again, sealed],
            [*MODELKEEP, "unseal", sealed, again, "--identity", key],
        ),
    }
    print(f"{megabytes} MB, median of {ROUNDS}, in {folder.parent}; MB/s until durable (of age alone), peak memory")
    for verb, (theirs, ours) in commands.items():
        target = Path(sealed if verb == "seal" else again)
        pairs = [(run(theirs, target), run(ours, target)) for _ in range(ROUNDS)]
        ratio = statistics.median(theirs.durable / ours.durable for theirs, ours in pairs)
        bare = statistics.median(theirs.command / ours.command for theirs, ours in pairs)
        age_rate, own_rate = (megabytes / statistics.median(pair[i].durable for pair in pairs) for i in (0, 1))
        age_bare = megabytes / statistics.median(theirs.command for theirs, _ in pairs)
        peaks = [max(pair[i].peak for pair in pairs) for i in (0, 1)]
        print(
            f"  {verb:<7} age {age_rate:5.0f} MB/s ({age_bare:.0f}), modelkeep {own_rate:5.0f} MB/s: "
            f"{ratio:.2f} of its throughput ({bare:.2f} if age's file needs not be durable); "
            f"memory {peaks[0]:.0f} and {peaks[1]:.0f} MB"
        )


def main(arguments: list[str]) -> int:
    if not all(map(shutil.which, ("age", "age-keygen"))):
        print("the command age is not installed: apt-get install age")
        return 1
    with tempfile.TemporaryDirectory(dir=arguments[1] if len(arguments) > 1 else None) as folder:
        measure(Path(folder), int(arguments[0]) if arguments else 500)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
