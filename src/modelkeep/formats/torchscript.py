"""TorchScript, read only: a file of it is a program, so the policy must allow code."""

from __future__ import annotations

import io
from typing import Any

from modelkeep.errors import ContainerError, GraphError, said
from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format
from modelkeep.torch_archives import open_torch


def read(data: memoryview, rules: Any) -> Any:
    """The scripted module. Only reached when ``Policy(allow_code=True)``: see ``Policy.check``."""
    import torch

    archive = open_torch(data, rules.policy.max_bytes)
    if "constants.pkl" not in archive.names:
        raise ContainerError(
            "the archive has no constants of a script: it is no TorchScript", hint="name its own format"
        )
    for name in archive.names:
        archive.read(name)
    try:
        load: Any = torch.jit.load
        return load(io.BytesIO(data), map_location="cpu")
    except (RuntimeError, ValueError) as error:
        raise GraphError(
            f"PyTorch can't read the script: {said(error)}", hint="read it with the PyTorch that wrote it"
        ) from error


FORMAT = Format(
    name="torchscript",
    title="TorchScript: a program, which runs when it is asked",
    safety=Safety.CODE,
    suffixes=(".ts", ".torchscript"),
    magic=(b"PK\x03\x04",),
    writers={},
    reader=Cell("modelkeep.formats.torchscript:read", ("torch",)),
)
