"""A program into its archive and out of it."""

from __future__ import annotations

from typing import Any, BinaryIO

from modelkeep import torch_programs
from modelkeep.errors import ExportError, LoadError, UsageError


def write(model: Any, file: BinaryIO, recipe: Any) -> None:
    """``options`` may have an ``example``, inputs as ``forward`` takes them; without, the sample is one."""
    options = dict(recipe.options)
    example = options.pop("example", recipe.sample)
    if options or recipe.compress is not None:
        raise UsageError("a pt2 file has no option but example, and is not compressed", hint="leave it out")
    held = getattr(model, "exported_program", model)
    if type(held).__name__ != "ExportedProgram":
        if example is None:
            raise ExportError("the module is traced with inputs, and there are none", hint="pass sample= or example=")
        held = torch_programs.export(model, example)
    file.write(torch_programs.archive_of(held))


def cross(model: Any, file: BinaryIO, recipe: Any) -> None:
    """An ONNX predictor as a program of torch's own operators."""
    from modelkeep import crossing

    if recipe.options or recipe.compress is not None:
        raise UsageError("what crosses has no options, and is not compressed", hint="leave them out")
    file.write(torch_programs.archive_of(crossing.to_program(model)))


def read(data: memoryview, rules: Any) -> Any:
    """The program's callable module; ``module.exported_program`` is the program itself."""
    try:
        program = torch_programs.check(data, rules.policy.max_bytes)
        return torch_programs.module_of(torch_programs.load(program))
    except LoadError as error:
        error.hint = error.hint or "save the program again with torch.export.save"
        raise
