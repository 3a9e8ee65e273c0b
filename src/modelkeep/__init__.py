"""Keep trained models: save, reload anywhere, and prove that the answers are the same.

A model becomes an *artifact*: a folder of files with a canonical manifest, usually in one ``.keep`` file. Everything
else makes an artifact, reads one, keeps one or judges one::

    import modelkeep as mk

    mk.save(model, "iris.keep", sample=X)     # one safe file, with its probe
    model = mk.load("iris.keep")              # the same object back, checked

The file is data: reading it runs no code that it chooses, every byte is compared with a digest, and whatever compiled
code would index is checked. The *probe* inside holds rows and the answers that the model gave when it was saved; it is
replayed where the environment differs, so that no answer changes silently.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelkeep import errors as errors
    from modelkeep.parity import Certificate as Certificate
    from modelkeep.parity import Tolerance as Tolerance
    from modelkeep.policy import Policy as Policy
    from modelkeep.registry import Registry as Registry
    from modelkeep.registry import gates as gates
    from modelkeep.sealing import seal as seal
    from modelkeep.sealing import unseal as unseal
    from modelkeep.signing import sign as sign
    from modelkeep.verbs import advise as advise
    from modelkeep.verbs import convert as convert
    from modelkeep.verbs import diff as diff
    from modelkeep.verbs import dumps as dumps
    from modelkeep.verbs import export as export
    from modelkeep.verbs import inspect as inspect
    from modelkeep.verbs import load as load
    from modelkeep.verbs import load_weights as load_weights
    from modelkeep.verbs import loads as loads
    from modelkeep.verbs import save as save
    from modelkeep.verbs import verify as verify

__version__ = "0.1.0"

# Names are resolved on first use, so that `import modelkeep` costs next to nothing.
_NAMES = {
    "Certificate": "modelkeep.parity",
    "Policy": "modelkeep.policy",
    "Registry": "modelkeep.registry",
    "Tolerance": "modelkeep.parity",
    "advise": "modelkeep.verbs",
    "convert": "modelkeep.verbs",
    "diff": "modelkeep.verbs",
    "dumps": "modelkeep.verbs",
    "errors": "modelkeep.errors",
    "gates": "modelkeep.registry.gates",
    "export": "modelkeep.verbs",
    "inspect": "modelkeep.verbs",
    "load": "modelkeep.verbs",
    "load_weights": "modelkeep.verbs",
    "loads": "modelkeep.verbs",
    "save": "modelkeep.verbs",
    "seal": "modelkeep.sealing",
    "sign": "modelkeep.signing",
    "unseal": "modelkeep.sealing",
    "verify": "modelkeep.verbs",
}
__all__ = sorted(_NAMES)


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'modelkeep' has no attribute {name!r}")
    module = importlib.import_module(_NAMES[name])
    found = globals()[name] = module if _NAMES[name].endswith(f".{name}") else getattr(module, name)
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
