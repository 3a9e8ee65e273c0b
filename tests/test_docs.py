"""Every code block of the documents runs as it stands; the Chinese page shows the same code as the English one."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import modelkeep

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "README.zh-CN.md"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    return BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_the_tour_runs(page, tmp_path):
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    ran = 0
    for language, text in blocks(page):
        assert language in ("python", "console"), "a block that no test runs"
        commands = [["python", "-c", text]] if language == "python" else list(console(text))
        for command in commands:
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            ran += 1
    assert ran >= 8


def test_the_page_of_exports_runs(tmp_path):
    """Its commands and its program, beside a file of the name that they use."""
    torch = pytest.importorskip("torch", reason="the extra torch is not installed")
    pytest.importorskip("onnxscript", reason="the extra onnx is not installed")
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3), torch.nn.Softmax(-1))
    modelkeep.export(net.eval(), tmp_path / "net.onnx", sample=torch.zeros(3, 4))
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for language, text in blocks("docs/exports.md"):
        for command in [["python", "-c", text]] if language == "python" else console(text):
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert {path.name for path in tmp_path.iterdir()} >= {"net.pt2", "net.savedmodel", "net.pt2.parity.json"}


def console(text):
    """The commands of a block, but for the two that build the place in which this test runs."""
    for line in text.splitlines():
        assert line.startswith("$ ")
        command = shlex.split(line[2:], comments=True)
        if command[0] != "make":
            yield command
        else:
            assert f"\n{command[1]}:" in (ROOT / "Makefile").read_text()


def test_both_pages_show_the_same_code():
    def code(page):
        return [re.sub(r"\s*#.*", "", text) for _, text in blocks(page)]

    assert code(PAGES[0]) == code(PAGES[1])


def test_the_page_of_the_format_has_every_kind_of_node():
    from modelkeep.formats.keep.types import DECODERS

    page = (ROOT / "docs/format.md").read_text(encoding="utf-8")
    assert [kind for kind in DECODERS if f'"{kind}"' not in page] == []


def test_links_lead_somewhere():
    for page in ROOT.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


def modules():
    return [m.name for m in pkgutil.walk_packages(modelkeep.__path__, "modelkeep.") if not m.name.endswith("__main__")]


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0
