"""A comparison of two artifacts as one page that opens offline and prints well."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import jinja2

from kfp_provenance.analysis.diffing.model import DataComparison, LineageDiff
from kfp_provenance.analysis.diffing.text import (
    ORDER_NOTE,
    figure,
    metric_cells,
    place,
    verdict,
    way,
)
from kfp_provenance.data.difference import ColumnDifference, ColumnSummary

MAX_COLUMNS = 60
"""Columns of a table that are listed, those that moved most first."""


@dataclass(frozen=True)
class _ColumnRow:
    """One column of both tables, as cells."""

    name: str
    psi: str
    chance: str
    p_value: str
    nulls: str
    limits: str


@dataclass(frozen=True)
class _DataPart:
    """One comparison of tables with what is listed of it."""

    comparison: DataComparison
    columns: tuple[_ColumnRow, ...]
    more_columns: int
    equal_columns: int


def diff_page(diff: LineageDiff) -> str:
    """HTML page of a comparison.

    Args:
        diff: The comparison; texts of it are escaped.

    Returns:
        A page without scripts and without anything that it would have to load.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(figure=figure, way=way, place=place, metric_cells=metric_cells)
    template = environment.from_string(
        files("kfp_provenance.report").joinpath("diff.html.j2").read_text(encoding="utf-8")
    )
    changed = [metric for metric in diff.metrics if metric.before != metric.after]
    return template.render(
        diff=diff,
        verdict=verdict(diff),
        order=ORDER_NOTE,
        metrics=changed,
        equal_metrics=len(diff.metrics) - len(changed),
        data=[_part(comparison) for comparison in diff.data],
    )


def _part(comparison: DataComparison) -> _DataPart:
    every = comparison.profiles.columns if comparison.profiles else ()
    columns = [column for column in every if _changed(column)]
    columns.sort(key=lambda column: -(column.drift.psi if column.drift else 0.0))
    rows = tuple(_column_row(column) for column in columns[:MAX_COLUMNS])
    more = max(0, len(columns) - MAX_COLUMNS)
    return _DataPart(comparison, rows, more, len(every) - len(columns))


def _changed(column: ColumnDifference) -> bool:
    return column.before != column.after or (column.drift is not None and column.drift.psi > 0)


def _column_row(column: ColumnDifference) -> _ColumnRow:
    drift = column.drift
    return _ColumnRow(
        name=column.name,
        psi=f"{drift.psi:.3g}" if drift else column.reason,
        chance=f"{drift.psi_by_chance:.2g}" if drift else "",
        p_value=f"{drift.chi_square.p_value:.2g}" if drift else "",
        nulls=_both(f"{column.before.nulls:.2%}", f"{column.after.nulls:.2%}"),
        limits=_both(_limits(column.before), _limits(column.after)),
    )


def _limits(summary: ColumnSummary) -> str:
    if summary.minimum is None or summary.maximum is None:
        return f"{summary.distinct:,} values"
    return f"{figure(summary.minimum)} to {figure(summary.maximum)}"


def _both(before: str, after: str) -> str:
    return before if before == after else f"{before} became {after}"
