"""The check as one HTML page: everything inside, no script, equal bytes for equal input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from kfp_provenance.components.check_data.baseline import Baseline
from kfp_provenance.components.check_data.judging import MOMENTS, Judged, Status
from kfp_provenance.data.compare import ColumnDifference, Drift, ProfileDifference
from kfp_provenance.data.profile import DataProfile
from kfp_provenance.data.tables import TableDifference

MAX_LIMITS = 60
MAX_COLUMNS = 100
MAX_PICTURES = 8
_PICTURED_PSI = 0.02
_TEMPLATE = Path(__file__).with_name("page.html.j2")


@dataclass(frozen=True)
class Bar:
    """A bin, with the widths of its two bars in percent of the widest."""

    name: str
    before: float
    after: float
    before_width: float
    after_width: float


@dataclass(frozen=True)
class Picture:
    """Two distributions side by side."""

    title: str
    note: str
    bars: tuple[Bar, ...]


def render(
    profile: DataProfile,
    baseline: Baseline | None,
    difference: ProfileDifference | None,
    tables: TableDifference | None,
    judged: Sequence[Judged],
) -> str:
    """The page.

    Args:
        profile: Of the data.
        baseline: What it was compared with.
        difference: From the baseline.
        tables: Difference of the rows, if they were compared.
        judged: The limits.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    holding = [item for item in judged if item.status is Status.HOLDS]
    failing = [item for item in judged if item.status is not Status.HOLDS]
    columns = sorted(difference.columns, key=_by_psi) if difference is not None else []
    values: dict[str, object] = {
        "rows": profile.rows,
        "baseline": baseline,
        "difference": difference,
        "tables": tables,
        "limits": len(judged),
        "failed": len(failing),
        "failing": failing[:MAX_LIMITS],
        "more_failing": max(len(failing) - MAX_LIMITS, 0),
        "holding": holding[:MAX_LIMITS],
        "more_holding": max(len(holding) - MAX_LIMITS, 0),
        "columns": columns[:MAX_COLUMNS],
        "more_columns": max(len(columns) - MAX_COLUMNS, 0),
        "pictures": _pictures(difference, columns) if difference is not None else [],
    }
    return template.render(values) + "\n"


def _by_psi(column: ColumnDifference) -> float:
    return -column.drift.psi if column.drift is not None else 0.0


def _pictures(difference: ProfileDifference, columns: Sequence[ColumnDifference]) -> list[Picture]:
    """The label, then the columns that moved most."""
    label = difference.label
    pictures = []
    if label is not None and label.drift is not None:
        pictures.append(_picture(f"Label {label.name}", label.drift))
    for column in columns:
        drift = column.drift
        labelled = label is not None and label.drift is not None and column.name == label.name
        # that time has gone on needs no picture
        moved = drift is not None and drift.psi >= _PICTURED_PSI and column.after.type != MOMENTS
        if drift is not None and moved and not labelled:
            pictures.append(_picture(column.name, drift))
    return pictures[:MAX_PICTURES]


def _picture(title: str, drift: Drift) -> Picture:
    before = sum(item.before for item in drift.bins)
    after = sum(item.after for item in drift.bins)
    shares = [(item.name, item.before / before, item.after / after) for item in drift.bins]
    widest = max(max(old, new) for _, old, new in shares)
    p_value = drift.chi_square.p_value
    note = (
        f"PSI {drift.psi:.4f}; in 1 of 20 cases it is above {drift.psi_by_chance:.4f} by chance. "
        f"Chi-square {drift.chi_square.statistic:,.1f} with {drift.chi_square.degrees_of_freedom} "
        f"degrees of freedom, {f'p = {p_value:.3g}' if p_value else 'p below 1e-300'}; "
        f"Cramér's V {drift.cramers_v:.3f}."
    )
    if not drift.chi_square.reliable:
        note += " Too few rows in some bins for the test to be relied on."
    if drift.unsure:
        note += f" Up to {100 * drift.unsure:.1f} % of the rows are placed in bins by estimate."
    return Picture(
        title,
        note,
        tuple(
            Bar(name, old, new, 100 * old / widest, 100 * new / widest) for name, old, new in shares
        ),
    )
