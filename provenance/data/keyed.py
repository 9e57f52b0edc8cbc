"""Rows that are matched by a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kfp_provenance.codes import Code
from kfp_provenance.data.measures import rounded
from kfp_provenance.data.opening import TableFile
from kfp_provenance.data.rows import Integers, RowNumbers, Truths, differing, paired
from kfp_provenance.data.table_difference import (
    CellChange,
    ColumnChanges,
    LabelFlips,
    RowCounts,
)
from kfp_provenance.data.transitions import transitions_of
from kfp_provenance.data.values import Scalar, stored_cell
from kfp_provenance.errors import DataError
from kfp_provenance.facts import Finding

_FIRST_ROWS = 5


@dataclass(frozen=True)
class Matched:
    """Result of a comparison by key; the fields are those of ``TableDifference``."""

    rows: RowCounts
    columns: tuple[ColumnChanges, ...]
    not_compared: tuple[str, ...]
    labels: LabelFlips | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Pairs:
    """Which row is which.

    Attributes:
        before: Positions of the paired rows in the table before, ascending.
        after: Of the same rows in the table after.
        removed: Rows whose key the table after lacks.
        added: Rows whose key the table before lacks.
        findings: Keys that are null or not unique.
    """

    before: Integers
    after: Integers
    removed: int
    added: int
    findings: tuple[Finding, ...]


def compare_by_key(
    first: TableFile,
    second: TableFile,
    *,
    key: tuple[str, ...],
    common: tuple[str, ...],
    label: str,
    examples: int,
) -> Matched:
    """Compare the cells of the rows that have one key; see ``tables.compare_tables``.

    Args:
        first: The table before.
        second: The table after.
        key: Columns of both.
        common: All columns of both.
        label: One of them, or empty.
        examples: Changed cells to show of each column.

    Raises:
        DataError: PARAMETER_INVALID if the key's values cannot be compared.
    """
    pairs = _pairs(first, second, key)
    changed = np.zeros(len(pairs.before), dtype=np.bool_)
    columns, not_compared, labels = [], [], None
    for name in common:
        if name in key:
            continue
        cells = _cells(first, second, name, pairs)
        if cells is None:
            not_compared.append(name)
            continue
        unequal = differing(*cells)
        changed |= unequal
        shown = np.flatnonzero(unequal)[:examples]
        keys = _keys(first, key, pairs.before[shown])
        columns.append(ColumnChanges(name, int(unequal.sum()), _examples(keys, cells, shown)))
        if name == label:
            labels = _flips(name, first, second, cells)
    rows = RowCounts(
        before=first.rows,
        after=second.rows,
        unchanged=len(changed) - int(changed.sum()),
        changed=int(changed.sum()),
        removed=pairs.removed,
        added=pairs.added,
        unmatched_before=first.rows - len(changed) - pairs.removed,
        unmatched_after=second.rows - len(changed) - pairs.added,
    )
    return Matched(rows, tuple(columns), tuple(not_compared), labels, pairs.findings)


def _pairs(first: TableFile, second: TableFile, key: tuple[str, ...]) -> _Pairs:
    numbers = RowNumbers(first, second)
    for name in key:
        if not numbers.refine(name):
            raise DataError(
                Code.PARAMETER_INVALID,
                f"the key column {name!r} has values of different kinds in the two tables",
                where=f"column {name!r}",
                expected=str(first.types[name]),
                found=str(second.types[name]),
                remedy="ingest both tables with the same schema",
            )
    old, new = numbers.before, numbers.after
    keyed_before, keyed_after = (_keyed(table, key) for table in (first, second))
    count_before = np.bincount(old[keyed_before], minlength=numbers.different)
    count_after = np.bincount(new[keyed_after], minlength=numbers.different)
    once = (count_before <= 1) & (count_after <= 1)
    both = once & (count_before + count_after == 2)  # noqa: PLR2004 - one in each table
    before = np.flatnonzero(keyed_before & both[old])
    where = np.zeros(numbers.different, dtype=np.int64)
    where[new[keyed_after]] = np.flatnonzero(keyed_after)
    return _Pairs(
        before=before,
        after=where[old[before]],
        removed=int((keyed_before & (once & (count_after == 0))[old]).sum()),
        added=int((keyed_after & (once & (count_before == 0))[new]).sum()),
        findings=(
            *_key_findings("before", first, ~keyed_before, keyed_before & (count_before > 1)[old]),
            *_key_findings("after", second, ~keyed_after, keyed_after & (count_after > 1)[new]),
        ),
    )


def _keyed(table: TableFile, key: tuple[str, ...]) -> Truths:
    """Rows that have a value in every column of the key."""
    keyed = np.ones(table.rows, dtype=np.bool_)
    for name in key:
        keyed &= pc.is_valid(table.column(name)).to_numpy()
    return keyed


def _key_findings(
    which: str, table: TableFile, nulls: Truths, repeated: Truths
) -> Iterator[Finding]:
    for rows, trouble in ((nulls, "have no key"), (repeated, "share their key with another row")):
        count = int(rows.sum())
        if count:
            first = ", ".join(str(row + 1) for row in np.flatnonzero(rows)[:_FIRST_ROWS].tolist())
            yield Finding(
                Code.DATA_SCHEMA_VIOLATED,
                f"rows of the table {which} {trouble}",
                artifact=table.name,
                expected="a key that names each row",
                found=f"{count} of {table.rows} rows, the first are {first}",
                remedy="take more columns into the key, or correct the data",
            )


def _cells(
    first: TableFile, second: TableFile, name: str, pairs: _Pairs
) -> tuple[pa.ChunkedArray, pa.ChunkedArray] | None:
    pair = paired(first, second, name)
    if pair is None:
        return None
    return _taken(pair[0], pairs.before), _taken(pair[1], pairs.after)


def _taken(column: pa.ChunkedArray, positions: Integers) -> pa.ChunkedArray:
    whole = len(positions) == len(column) and bool((np.diff(positions) == 1).all())
    return column if whole else column.take(pa.array(positions))


def _keys(
    table: TableFile, key: tuple[str, ...], positions: Integers
) -> list[tuple[Scalar | None, ...]]:
    if not len(positions):
        return []
    columns = [table.column(name).take(pa.array(positions)).to_pylist() for name in key]
    return [tuple(map(_cell, cells)) for cells in zip(*columns, strict=True)]


def _examples(
    keys: list[tuple[Scalar | None, ...]],
    cells: tuple[pa.ChunkedArray, pa.ChunkedArray],
    positions: Integers,
) -> tuple[CellChange, ...]:
    before, after = (column.take(pa.array(positions)).to_pylist() for column in cells)
    return tuple(
        CellChange(row, _cell(old), _cell(new))
        for row, old, new in zip(keys, before, after, strict=True)
    )


def _cell(value: object) -> Scalar | None:
    return None if value is None else stored_cell(value)


def _flips(
    name: str, first: TableFile, second: TableFile, cells: tuple[pa.ChunkedArray, pa.ChunkedArray]
) -> LabelFlips:
    known = pc.and_(pc.is_valid(cells[0]), pc.is_valid(cells[1]))
    before, after = (column.filter(known) for column in cells)
    compared, flipped = len(before), int(differing(before, after).sum())
    labelled = [table.rows - table.column(name).null_count for table in (first, second)]
    return LabelFlips(
        name=name,
        exact=True,
        compared=compared,
        flipped=flipped,
        share=rounded(flipped / compared) if compared else None,
        unmatched_before=labelled[0] - compared,
        unmatched_after=labelled[1] - compared,
        transitions=transitions_of(before, after),
    )
