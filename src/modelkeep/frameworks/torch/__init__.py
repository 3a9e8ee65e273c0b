"""PyTorch: modules, exported programs and TorchScript. They are asked in eval mode, without gradients."""

from __future__ import annotations

from modelkeep.ports import Cell, Framework

FRAMEWORK = Framework(
    name="torch",
    title="PyTorch",
    claims=(
        "torch.nn.modules.module.Module",
        "torch.export.exported_program.ExportedProgram",
        "torch.jit._script.ScriptModule",
    ),
    methods=("forward",),
    distributions=("torch",),
    ask=Cell("modelkeep.frameworks.torch.asking:ask", ("torch",)),
    rows=Cell("modelkeep.frameworks.torch.asking:rows", ("torch",)),
)
