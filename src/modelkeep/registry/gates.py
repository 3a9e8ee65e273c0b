"""Gates: what a version must pass before an alias may point at it.

A gate is a function that gets a ``Candidate`` and returns what it found, or raises ``Refused`` with the reason::

    registry.promote("iris:4", "production", gates=[
        gates.probe(),
        gates.metric("accuracy", at_least=0.95, not_below="production"),
    ])
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelkeep.errors import GateError, ModelkeepError, NotFoundError, UsageError
from modelkeep.policy import Policy
from modelkeep.registry.version import Version

if TYPE_CHECKING:
    from modelkeep.registry.reader import Reader


class Refused(Exception):  # noqa: N818  it is a verdict, and never leaves a promotion
    """A gate's verdict: why the version does not pass."""


@dataclass(frozen=True)
class Candidate:
    """The version that is to be promoted, the alias that is to point at it, and the registry that has both."""

    registry: Reader
    version: Version
    alias: str
    policy: Policy

    def at(self, alias: str) -> Version | None:
        """What an alias of the same model points at now."""
        try:
            return self.registry.version(f"{self.version.name}@{alias}")
        except NotFoundError:
            return None


@dataclass(frozen=True)
class Gate:
    """A named check. ``check`` returns what it found in a few words, or raises ``Refused``."""

    name: str
    check: Callable[[Candidate], str]


def probe() -> Gate:
    """Every byte is compared, every check run, and the answers of the probe asked again, here and now."""

    def check(candidate: Candidate) -> str:
        try:
            found = candidate.registry.verify(candidate.version, policy=candidate.policy)
        except ModelkeepError as error:
            raise Refused(str(error)) from error
        if found.exact is None:
            raise Refused(f"the version has no probe: {'; '.join(found.notes) or 'it was saved without'}")
        return f"{found.rows} rows answered {'to the last bit' if found.exact else f'within {found.tolerance:g}'}"

    return Gate("probe", check)


def metric(
    name: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    not_below: str | None = None,
    not_above: str | None = None,
) -> Gate:
    """Bounds for a metric of the version.

    at_least, at_most: numbers. not_below, not_above: aliases; the version must not be worse than what they point at
    now. An alias that does not exist yet sets no bound; a version behind it without the metric is a refusal.
    """
    if at_least is None and at_most is None and not_below is None and not_above is None:
        raise UsageError(f"the gate for {name} has no bound", hint="pass at_least, at_most, not_below or not_above")

    def check(candidate: Candidate) -> str:
        value = _metric(candidate.version, name)
        told = [f"{name} {value:g}"]
        for bound, sign, word in ((at_least, 1, "at least"), (at_most, -1, "at most")):
            if bound is not None and sign * value < sign * bound:
                raise Refused(f"{name} is {value:g}, by {abs(bound - value):g} not {word} {bound:g}")
        for alias, sign, word in ((not_below, 1, "below"), (not_above, -1, "above")):
            other = candidate.at(alias) if alias is not None else None
            if other is None:
                continue
            bound = _metric(other, name)
            if sign * value < sign * bound:
                raise Refused(f"{name} is {value:g}, by {abs(bound - value):g} {word} {other.ref} ({alias}, {bound:g})")
            told.append(f"not {word} {other.ref} ({bound:g})")
        return ", ".join(told)

    return Gate(f"metric {name}", check)


def _metric(version: Version, name: str) -> float:
    if name not in version.metrics:
        known = ", ".join(sorted(version.metrics)) or "none"
        raise Refused(f"{version.ref} has no metric {name!r}; it has {known}")
    return version.metrics[name]


def signed(signers: Sequence[str | os.PathLike[str]]) -> Gate:
    """The version carries a valid signature by one of ``signers`` (public keys: paths of PEM files, or PEM texts)."""
    policy = Policy(signers=signers)

    def check(candidate: Candidate) -> str:
        try:
            found = candidate.registry.signature(candidate.version, policy)
        except ModelkeepError as error:
            raise Refused(str(error)) from error
        return f"signed on {found.statement.time}"

    return Gate("signed", check)


def parity(format: str) -> Gate:
    """The version has a certificate that its conversion to ``format`` gives the same answers."""

    def check(candidate: Candidate) -> str:
        for certificate in candidate.registry.certificates(candidate.version):
            if certificate.get("format") == format and certificate.get("passed") is True:
                return f"parity with {format} certified"
        raise Refused(f"{candidate.version.ref} has no certificate of parity with {format}")

    return Gate(f"parity {format}", check)


def passed(gates: Sequence[Gate], candidate: Candidate) -> list[str]:
    """What the gates found. Every gate is asked, so that ``GateError`` can name all that refuse."""
    found: list[str] = []
    refusals: list[str] = []
    for gate in gates:
        if not isinstance(gate, Gate):
            raise UsageError(f"{gate!r} is not a gate", hint="make one with modelkeep.gates, as in gates.probe()")
        try:
            found.append(f"{gate.name}: {gate.check(candidate)}")
        except Refused as verdict:
            refusals.append(f"{gate.name}: {verdict}")
    if refusals:
        raise GateError(
            "\n".join([f"{candidate.version.ref} may not become {candidate.alias}", *(f"  - {r}" for r in refusals)]),
            hint=f"mend what the gates name and register again; {candidate.alias} stays where it was",
        )
    return found
