"""The contract of a format."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any, ClassVar

import modelkeep as mk
from modelkeep import catalog, saving
from modelkeep.errors import LoadError, MissingPackageError, ModelkeepError, PolicyError, StorageError
from modelkeep.policy import Policy, Safety
from modelkeep.ports import Format


def _save(model: Any, path: Path, *, format: str) -> None:
    """Written as it is, without the proof that an export adds."""
    saving.save(model, path, saving.Recipe(), catalog.format_named(format))


class FormatSuite:
    """Subclass it, set ``format``, and give ``models``: what the format can write, and by what answers it is judged.

    A raw file is always read and written through the file system, never through the code under test.
    """

    format: ClassVar[Format]
    #: Models to write; each must come back equal by ``same``.
    models: ClassVar[list[Any]] = [{"weights": [1.0, 2.0, 3.0], "name": "linear"}]

    def same(self, first: Any, second: Any) -> bool:
        return bool(first == second)

    def policy(self) -> Policy:
        """The least policy that may read this format."""
        return Policy(allow_code=self.format.safety is Safety.CODE)

    def path(self, folder: Path, name: str = "model") -> Path:
        return folder / f"{name}{self.format.suffixes[0]}"

    def test_its_table_is_well_formed(self) -> None:
        assert self.format.name.isidentifier()
        assert self.format.title
        assert all(suffix.startswith(".") for suffix in self.format.suffixes)
        assert self.format.writers or self.format.reader
        assert self.format.tolerance >= 0

    def test_its_cells_resolve(self) -> None:
        for cell in (*self.format.writers.values(), self.format.reader):
            if cell is not None and all(importlib.util.find_spec(package) for package in cell.needs):
                assert callable(catalog.resolve(cell))

    def test_a_model_comes_back(self, tmp_path: Path) -> None:
        if self.format.reader is None:
            return
        for number, model in enumerate(self.models):
            path = self.path(tmp_path, str(number))
            _save(model, path, format=self.format.name)
            assert self.same(model, mk.load(path, policy=self.policy(), format=self.format.name))

    def test_its_files_show_what_they_are(self, tmp_path: Path) -> None:
        path = self.path(tmp_path)
        _save(self.models[0], path, format=self.format.name)
        assert not self.format.magic or path.read_bytes().startswith(self.format.magic)

    def test_saving_over_a_file_replaces_it_whole(self, tmp_path: Path) -> None:
        path = self.path(tmp_path)
        path.write_bytes(b"old " * 100_000)
        _save(self.models[0], path, format=self.format.name)
        whole = path.read_bytes()
        path.unlink()
        _save(self.models[0], path, format=self.format.name)
        assert path.read_bytes() == whole
        assert os.listdir(tmp_path) == [path.name]

    def test_code_needs_the_policy(self, tmp_path: Path) -> None:
        """A format that can run code is read as data, or not at all, unless the policy allows code."""
        if self.format.safety is Safety.DATA or self.format.reader is None:
            return
        path = self.path(tmp_path)
        _save(self.models[0], path, format=self.format.name)
        if self.format.inert is None:
            self._refused(PolicyError, path, Policy())
        else:
            assert self.same(self.models[0], mk.load(path, format=self.format.name))

    def test_another_format_is_refused(self, tmp_path: Path) -> None:
        path = self.path(tmp_path)
        path.write_bytes(b"this is not a model")
        self._refused(LoadError, path, self.policy())

    def test_a_missing_file_is_told(self, tmp_path: Path) -> None:
        self._refused(StorageError, self.path(tmp_path, "missing"), self.policy())

    def test_a_missing_package_is_told(self) -> None:
        cells = [cell for cell in (*self.format.writers.values(), self.format.reader) if cell is not None]
        for cell in cells:
            absent = [package for package in cell.needs if importlib.util.find_spec(package) is None]
            if not absent:
                continue
            try:
                catalog.resolve(cell)
            except MissingPackageError as error:
                assert "pip install" in error.hint
            else:
                raise AssertionError(f"{cell.call} resolved without {absent}")

    def _refused(self, kind: type[ModelkeepError], path: Path, policy: Policy) -> None:
        try:
            mk.load(path, policy=policy, format=self.format.name)
        except kind as error:
            assert str(error)
            assert error.hint
        else:
            raise AssertionError(f"{path.name} was loaded, though {kind.__name__} was due")
