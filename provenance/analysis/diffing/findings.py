"""What in two tables may be a cause, and how its figures are written."""

from __future__ import annotations

from dataclasses import dataclass

from kfp_provenance.analysis.diffing.likelihood import Likelihood
from kfp_provenance.analysis.diffing.model import CauseKind, Figure
from kfp_provenance.data.difference import Drift


@dataclass(frozen=True)
class DataCause:
    """What in two tables may be a cause; the fields are those of ``Cause``."""

    kind: CauseKind
    title: str
    likelihood: Likelihood
    column: str = ""
    evidence: tuple[tuple[str, Figure], ...] = ()
    examples: tuple[str, ...] = ()


def more_than_chance(drift: Drift | None) -> Drift | None:
    """The drift, unless tables of that size have as much of it by chance."""
    return drift if drift is not None and drift.psi > drift.psi_by_chance else None


def figures(drift: Drift) -> list[tuple[str, Figure]]:
    """The evidence of a drift."""
    return [
        ("psi", drift.psi),
        ("psi_by_chance", drift.psi_by_chance),
        ("chi_square", drift.chi_square.statistic),
        ("degrees_of_freedom", drift.chi_square.degrees_of_freedom),
        ("p_value", drift.chi_square.p_value),
        ("cramers_v", drift.cramers_v),
    ]


def percent(share: float) -> str:
    """A share, 0 to 1, for people."""
    return f"{share * 100:.3g} %"


def count(number: int, noun: str) -> str:
    """So many of something."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
