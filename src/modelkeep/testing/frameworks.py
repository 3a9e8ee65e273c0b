"""The contract of a framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import modelkeep as mk
from modelkeep import catalog, probe
from modelkeep.ports import Framework


class FrameworkSuite:
    """Subclass it, set ``framework``, and give ``models``: fitted models, each with rows that it takes."""

    framework: ClassVar[Framework]

    def models(self) -> list[tuple[Any, Any]]:
        raise NotImplementedError("return pairs of a fitted model and its rows")

    def test_it_claims_its_models_by_name(self) -> None:
        for model, _ in self.models():
            assert catalog.framework_of(model).name == self.framework.name

    def test_its_methods_answer(self) -> None:
        for model, rows in self.models():
            recorded = probe.record(model, rows, self.framework.methods)
            assert not recorded.empty, recorded.notes

    def test_its_models_answer_the_same_after_a_reload(self, tmp_path: Path) -> None:
        for number, (model, rows) in enumerate(self.models()):
            path = tmp_path / f"{number}.keep"
            mk.save(model, path, sample=rows)
            probe.replay(probe.record(model, rows, self.framework.methods), mk.load(path), exact=True)
