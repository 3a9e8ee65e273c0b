"""The environment: exact versions of what a model's classes need, taken at once, without a process or an import."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from modelkeep import environment
from modelkeep.markers import holds

NAMES = ["sklearn.linear_model.LogisticRegression", "builtins.dict"]


def test_the_packages_are_those_that_the_class_comes_from_and_what_they_need() -> None:
    packages = environment.capture(NAMES)["packages"]
    assert {"scikit-learn", "numpy", "scipy", "joblib", "threadpoolctl"} <= set(packages)
    assert "pandas" not in packages  # an extra of scikit-learn
    for name, version in packages.items():
        assert version == importlib.metadata.version(name)


def test_python_and_machine() -> None:
    found = environment.capture([])
    assert found["packages"] == {}
    assert found["python"]["version"] == sys.version.split()[0].rstrip("+")
    assert found["machine"]["byteorder"] == sys.byteorder
    assert found["machine"]["system"] in ("Linux", "Darwin", "Windows")


def test_a_package_is_found_by_its_list_of_files_when_its_name_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "oddmod").mkdir()
    info = tmp_path / "My_Odd.Dist-2.0+local.1.dist-info"
    info.mkdir()
    (info / "RECORD").write_text("oddmod/__init__.py,,\n")
    (info / "METADATA").write_text(
        "Name: x\nRequires-Dist: numpy>=1 ; python_version >= '3'\nRequires-Dist: rich; extra == 'all'\n\n"
        "Requires-Dist: typer\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    packages = environment.capture(["oddmod.Model", "nowhere.Model"])["packages"]
    assert packages == {"my-odd-dist": "2.0+local.1", "numpy": importlib.metadata.version("numpy")}


def test_differences_name_what_can_change_a_last_bit() -> None:
    old = environment.capture(NAMES)
    assert environment.differences(old, environment.capture(NAMES)) == []
    new = environment.capture(NAMES)
    new["python"]["version"] = "3.99.1"
    new["machine"]["machine"] = "s390x"
    new["packages"]["numpy"] = "1.0"
    new["packages"]["extra"] = "1.0"
    del new["packages"]["scipy"]
    assert environment.differences(old, new) == [
        f"python {old['python']['version']}, now 3.99.1",
        f"machine {old['machine']['machine']}, now s390x",
        f"numpy {old['packages']['numpy']}, now 1.0",
        f"scipy {old['packages']['scipy']}, now not installed",
    ]
    patch = environment.capture(NAMES)
    patch["python"]["version"] = ".".join([*old["python"]["version"].split(".")[:2], "99"])
    assert environment.differences(old, patch) == []


def test_the_caller_may_change_what_it_was_given() -> None:
    environment.capture(NAMES)["packages"].clear()
    assert environment.capture(NAMES)["packages"]


COLD = """
import sys, time
from modelkeep import environment
start = time.perf_counter()
found = environment.capture(["sklearn.svm.SVC", "mypkg.Model"])
print(time.perf_counter() - start)
assert found["packages"]["scikit-learn"]
assert not {"numpy", "sklearn", "subprocess", "email", "importlib.metadata"} & set(sys.modules), sorted(sys.modules)
"""


def test_cold_it_takes_under_ten_milliseconds_and_imports_nothing() -> None:
    times = [
        float(subprocess.run([sys.executable, "-c", COLD], capture_output=True, text=True, check=True).stdout)
        for _ in range(4)
    ]
    print(f"environment, cold: {min(times) * 1e3:.2f} ms")
    assert min(times) < 0.010


def test_warm_it_takes_under_a_fifth_of_a_millisecond_with_the_comparison() -> None:
    recorded = environment.capture(NAMES)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        environment.differences(recorded, environment.capture(NAMES))
        times.append(time.perf_counter() - start)
    print(f"environment, warm with comparison: {min(times) * 1e6:.0f} us")
    assert min(times) < 0.0002


def test_it_may_be_taken_by_many_threads() -> None:
    environment.forget()
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(environment.capture(NAMES))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [environment.capture(NAMES)] * 8


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ('python_version >= "3.9"', True),
        ("python_version < '3.10'", False),
        ('python_full_version < "3.9.1" or os_name == "' + os.name + '"', True),
        ('sys_platform == "nothing" and python_version > "3"', False),
        ('(sys_platform == "nothing" or python_version > "3") and extra == "test"', False),
        ('platform_python_implementation != "PyPy"', True),
        ('sys_platform in "linux darwin win32"', True),
        ('"bsd" not in sys_platform', True),
        ('python_version ~= "3.0"', True),
        ('python_version == "3.*"', True),
        ('python_version ~= "2.0"', False),
        ("?? unreadable", True),
    ],
)
def test_markers(marker: str, expected: bool) -> None:
    assert holds(marker) is expected


def test_markers_agree_with_packaging_on_all_that_is_installed() -> None:
    markers = pytest.importorskip("packaging.markers", reason="packaging is the reference here")
    requirements = pytest.importorskip("packaging.requirements", reason="packaging is the reference here")
    seen = 0
    for distribution in importlib.metadata.distributions():
        for text in distribution.requires or ():
            marker = requirements.Requirement(text).marker
            if marker is not None:
                seen += 1
                assert holds(str(marker)) is markers.Marker(str(marker)).evaluate({"extra": ""}), marker
    assert seen > 50
