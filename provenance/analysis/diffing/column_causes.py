"""Causes that lie in the columns of two tables: drift, nulls, ranges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kfp_provenance.analysis.diffing import likelihood
from kfp_provenance.analysis.diffing.findings import DataCause, figures, more_than_chance, percent
from kfp_provenance.analysis.diffing.model import CauseKind
from kfp_provenance.analysis.diffing.tables import Tables
from kfp_provenance.data.difference import ColumnDifference, Drift
from kfp_provenance.data.measures import SMALL_PSI

_IDENTIFIERS = frozenset({"integer", "string"})
_MANY_ROWS = 100
"""In fewer rows, a feature of integers may have no value twice by chance."""


def column_causes(tables: Tables) -> Iterator[DataCause]:
    """What changed in the columns but key and label, each aspect once."""
    columns = _features(tables)
    yield from _drift(columns)
    yield from _nulls(columns)
    yield from _range(columns)


def _features(tables: Tables) -> Sequence[ColumnDifference]:
    if tables.profiles is None:
        return ()
    # what names a row says nothing of it
    left_out = set(tables.rows.key) if tables.rows is not None else set()
    for label in (tables.profiles.label, tables.rows.labels if tables.rows else None):
        left_out |= {label.name} if label is not None else set()
    rows = tables.profiles.rows_before, tables.profiles.rows_after
    return [
        column
        for column in tables.profiles.columns
        if column.name not in left_out and not _identifies(column, rows)
    ]


def _identifies(column: ColumnDifference, rows: tuple[int, int]) -> bool:
    """Whether a column numbers or names the rows: then new rows have new values."""
    return min(rows) >= _MANY_ROWS and all(
        side.type in _IDENTIFIERS and side.distinct == count
        for side, count in zip((column.before, column.after), rows, strict=True)
    )


def _drift(columns: Sequence[ColumnDifference]) -> Iterator[DataCause]:
    moved = [
        (column, drift)
        for column in columns
        if (drift := more_than_chance(column.drift)) is not None and drift.psi >= SMALL_PSI
    ]
    if not moved:
        return
    moved.sort(key=lambda pair: (-pair[1].psi, pair[0].name))
    worst, drift = moved[0]
    many = f" and {len(moved) - 1} more are" if len(moved) > 1 else " is"
    title = f"{worst.name!r}{many} distributed otherwise: PSI {drift.psi:.3g}"
    yield DataCause(
        CauseKind.DRIFT,
        title,
        likelihood.of_drift(drift.psi),
        worst.name,
        (("columns", len(moved)), *figures(drift)),
        tuple(_column_line(column, drift) for column, drift in moved),
    )


def _nulls(columns: Sequence[ColumnDifference]) -> Iterator[DataCause]:
    changed = [column for column in columns if column.null_increase]
    if not changed:
        return
    changed.sort(key=lambda column: (-abs(column.null_increase), column.name))
    worst = changed[0]
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    yield DataCause(
        CauseKind.NULLS,
        f"nulls in {worst.name!r}{more}: {_null_shares(worst)}",
        likelihood.of_nulls(abs(worst.null_increase)),
        worst.name,
        (("columns", len(changed)), ("increase", worst.null_increase)),
        tuple(f"{column.name!r}: {_null_shares(column)} nulls" for column in changed),
    )


def _null_shares(column: ColumnDifference) -> str:
    return f"{percent(column.before.nulls)} became {percent(column.after.nulls)}"


def _range(columns: Sequence[ColumnDifference]) -> Iterator[DataCause]:
    outside = [
        (column, column.outside)
        for column in columns
        if column.outside is not None and column.outside >= likelihood.OUTSIDE_RANGE
    ]
    if not outside:
        return
    outside.sort(key=lambda pair: (-pair[1], pair[0].name))
    worst, share = outside[0]
    more = f" and {len(outside) - 1} more" if len(outside) > 1 else ""
    yield DataCause(
        CauseKind.RANGE,
        f"{percent(share)} of {worst.name!r}{more} lie outside the range before",
        likelihood.of_range(),
        worst.name,
        (("columns", len(outside)), ("outside", share)),
        tuple(_range_line(column) for column, _ in outside),
    )


def _column_line(column: ColumnDifference, drift: Drift) -> str:
    test = drift.chi_square
    return (
        f"{column.name!r}: PSI {drift.psi:.3g} (by chance up to {drift.psi_by_chance:.2g}), "
        f"chi-square {test.statistic:.4g} with p = {test.p_value:.2g}"
    )


def _range_line(column: ColumnDifference) -> str:
    before, after = column.before, column.after
    return (
        f"{column.name!r}: {before.minimum} to {before.maximum} "
        f"became {after.minimum} to {after.maximum}"
    )
