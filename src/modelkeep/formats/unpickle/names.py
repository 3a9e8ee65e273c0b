"""Names in a pickle: where the thing is today, and which of the safe format's own names it has. Nothing is imported."""

from __future__ import annotations

import sys

from modelkeep.errors import PolicyError, quote
from modelkeep.formats.keep.names import FUNCTION_NAMES, OBJECT_NAMES, VALUE_NAMES
from modelkeep.formats.unpickle.records import Global
from modelkeep.policy import Policy

#: Modules that have moved, oldest name first; the longest one that fits counts.
_MOVED = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "pathlib._local": "pathlib",  # in Python 3.13
    "numpy.core": "numpy._core",
    "_loss": "sklearn._loss._loss",  # how some versions of scikit-learn named their compiled losses
    "sklearn.neighbors.kd_tree": "sklearn.neighbors._kd_tree",
    "sklearn.neighbors.ball_tree": "sklearn.neighbors._ball_tree",
    "sklearn.neighbors.dist_metrics": "sklearn.metrics._dist_metrics",
    "sklearn.neighbors._dist_metrics": "sklearn.metrics._dist_metrics",
    "sklearn.linear_model.sgd_fast": "sklearn.linear_model._sgd_fast",
    "sklearn.tree.tree": "sklearn.tree",
    "sklearn.externals.joblib": "joblib",
    "numpy.random.mtrand": "numpy.random",
}
#: Single things that have another name today.
_RENAMED = {
    "builtins.unicode": "builtins.str",
    "builtins.long": "builtins.int",
    "builtins.xrange": "builtins.range",
    "sklearn.model_selection._classification_threshold._CurveScorer": "sklearn.metrics._scorer._CurveScorer",
    "numpy.bool8": "numpy.bool",
    "numpy.bool_": "numpy.bool",
    "numpy.float_": "numpy.float64",
    "numpy.unicode_": "numpy.str_",
    "numpy.string_": "numpy.bytes_",
}
#: What these have beside the values that are mapped is no part of a model.
_NO_MODELS = frozenset({"numpy", "scipy", "joblib", "cloudpickle", "dill", "nt", "pandas", "pyarrow", "pytz"})
_LIBRARIES = frozenset({"sklearn", "numpy", "scipy"})
_KNOWN = OBJECT_NAMES | VALUE_NAMES | FUNCTION_NAMES

#: How many parts an error lists beside the first, and in how many characters each.
_TOLD = 5
_WIDTH = 160

_CALLED = (
    "save the model with modelkeep where it was made; or, if you trust whoever made the file, pass "
    "Policy(allow_code=True) or --allow-code, which runs it"
)
_HINT = (
    "install a newer modelkeep, which may know it; or take it out of the model where that was made, and save it there"
)


def place(name: Global) -> str:
    """``module.name`` as it is called today.

    >>> place(Global("numpy.core.multiarray", "_reconstruct"))
    'numpy._core.multiarray._reconstruct'
    """
    module = name.module
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        moved = _MOVED.get(".".join(parts[:length]))
        if moved is not None:
            module = ".".join([moved, *parts[length:]])
            break
    full = f"{module}.{name.name}"
    return _RENAMED.get(full, full)


def listed(name: Global) -> str | None:
    """The name in the loader's own tables, if it is there: libraries move things between their inner modules.

    >>> listed(Global("sklearn.linear_model.logistic", "LogisticRegression"))
    'sklearn.linear_model.LogisticRegression'
    """
    full = place(name)
    if full in _KNOWN:
        return full
    module, _, attribute = full.rpartition(".")
    if module.partition(".")[0] not in _LIBRARIES or "." in name.name:
        return None
    parts = module.split(".")[:-1]
    while parts:
        found = f"{'.'.join(parts)}.{attribute}"
        if found in _KNOWN:
            return found
        parts.pop()
    return None


def own(name: Global, policy: Policy) -> str | None:
    """``module:qualname`` of a class or function that the policy trusts."""
    return f"{name.module}:{name.name}" if policy.trusts(f"{name.module}.{name.name}") else None


class UnmappedError(PolicyError):
    """A part that the file names and that is on no list. ``trust`` is the name that a policy could trust, if any."""

    trust = ""
    #: What no model needs: code of Python, numpy or scipy that is no value of one.
    suspect = False

    def plain(self) -> PolicyError:
        """The error as its readers know it."""
        made = PolicyError("", hint=self.hint)
        made.path, made.args = self.path, self.args
        return made


class UnknownPartError(UnmappedError):
    """A part of scikit-learn that is on no list: of another version, perhaps."""


def refusal(name: Global, *, called: bool = False) -> UnmappedError:
    """Why ``name`` may not be in a model. ``called``: what it would give when it is called is not known to anybody."""
    full = f"{name.module}.{name.name}"
    message = f"the file names {quote(full).strip(chr(39))}, which modelkeep does not map"
    root = place(name).partition(".")[0]
    if name.module == "__main__":
        return UnmappedError(
            message, hint="it was defined in a script: put it into a module, fit and save the model again"
        )
    if root in sys.stdlib_module_names or root in _NO_MODELS:
        hint = "do not open this file unless you know who made it and why it asks for that"
        if root in ("cloudpickle", "dill"):
            hint += f"; if it was you, write the model with pickle or modelkeep: {root} writes code into its files"
        error = UnmappedError(message, hint=hint)
        error.suspect = True
        return error
    if root == "sklearn":
        return UnknownPartError(message, hint=_HINT)
    if called:
        return UnmappedError(f"{message}, and calls it", hint=_CALLED)
    return _trustable(message, full)


def _trustable(message: str, *names: str) -> UnmappedError:
    listed, options = ", ".join(f'"{name}"' for name in names), " ".join(f"--trust {name}" for name in names)
    them = "it" if len(names) == 1 else "them"
    error = UnmappedError(message, hint=f"if you know {them}, pass Policy(trust=[{listed}]) or {options}")
    error.trust = names[0]
    return error


def together(errors: list[PolicyError]) -> PolicyError:
    """All that was refused in one file as one error: first what is worst, and what to do about all of it."""
    first = next((e for e in errors if isinstance(e, UnmappedError) and e.suspect), errors[0])
    others = [str(error) for error in errors if str(error) != str(first)]
    trust = sorted({error.trust for error in errors if isinstance(error, UnmappedError) and error.trust})
    if isinstance(first, UnmappedError) and len(trust) > 1 and all(getattr(e, "trust", "") for e in errors):
        first.hint = _trustable("", *trust[:_TOLD]).hint
    if others:
        more = f"; and {len(others) - _TOLD} more" if len(others) > _TOLD else ""
        first.args = ("\n".join([str(first), *(f"  and {_short(text)}" for text in others[:_TOLD])]) + more,)
    return first


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else text[:_WIDTH] + "..."
