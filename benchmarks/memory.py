"""Peak memory of one save or load, in a fresh process that the parent watches from outside."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.models import SPECS, cached, load
from benchmarks.peers import PEERS, file_name, warm_up

#: Seconds between two looks at the child.
PAUSE = 0.001


def measure(model_name: str, peer_name: str, verb: str, folder: str) -> dict[str, float]:
    """Bytes above what the process held before: ``anonymous`` (its own) and ``resident`` (mapped files included)."""
    command = [sys.executable, "-m", "benchmarks.memory", model_name, peer_name, verb, folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        if child.stdout.readline() != "ready\n":
            raise RuntimeError(f"{peer_name} can't {verb} {model_name}")
        before = _status(child.pid)["RssAnon"]
        child.stdin.write("go\n")
        child.stdin.flush()
        os.set_blocking(child.stdout.fileno(), False)
        peak, line = before, ""
        while not line and child.poll() is None:
            peak = max(peak, _status(child.pid).get("RssAnon", 0))
            line = child.stdout.readline()
            time.sleep(PAUSE)
        child.stdin.close()
    if not line:
        raise RuntimeError(f"{peer_name} can't {verb} {model_name}")
    told = json.loads(line)
    return {"anonymous": max(peak - before, told["anonymous"]), "resident": told["resident"]}


def _status(pid: int | str) -> dict[str, int]:
    """Sizes in bytes from /proc: RssAnon, VmHWM, VmRSS."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(" kB")}


def _child(model_name: str, peer_name: str, verb: str, folder: str) -> None:
    peer = PEERS[peer_name]
    path = os.path.join(folder, file_name(peer))
    warm_up(peer, folder)
    model = load(cached(SPECS[model_name]))[0] if verb == "save" else None
    gc.collect()
    # Memory that was freed but not given back to the system would hide what the save or load takes.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from here
    print("ready", flush=True)
    sys.stdin.readline()
    before = _status("self")
    if verb == "save":
        assert peer.save is not None
        peer.save(model, path)
    else:
        model = peer.load(path)
    after = _status("self")
    told = {
        "anonymous": after["RssAnon"] - before["RssAnon"],
        "resident": after["VmHWM"] - before["VmRSS"],
    }
    print(json.dumps(told), flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    _child(*sys.argv[1:5])
