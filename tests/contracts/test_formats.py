"""The contract suite on every format of the table, and on one that breaks it."""

from __future__ import annotations

import pytest

from modelkeep import catalog
from modelkeep.testing import FormatSuite

for _format in catalog.formats():
    _name = f"Test{_format.name.title()}"
    globals()[_name] = type(_name, (FormatSuite,), {"format": _format})


def test_the_suite_fails_on_a_format_that_loses_something(tmp_path):
    class Forgetful(FormatSuite):
        format = catalog.format_named("keep")

        def same(self, first, second):
            return first == {**second, "lost": 1}

    with pytest.raises(AssertionError):
        Forgetful().test_a_model_comes_back(tmp_path)
