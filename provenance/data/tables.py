"""What is different between two tables, row by row.

With a key, rows are matched by it, and every cell of a pair is compared. Without one, rows are
compared as wholes: a row that changed in one cell counts as one removed and one added.
Everything is counted exactly (``rows.py``); the one estimate are label flips without a key.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kfp_provenance.codes import Code
from kfp_provenance.data.difference import SchemaDifference, TypeChange
from kfp_provenance.data.keyed import compare_by_key
from kfp_provenance.data.measures import rounded
from kfp_provenance.data.opening import MAX_BYTES, TableFile, open_table
from kfp_provenance.data.rows import Integers, RowNumbers, Truths, paired
from kfp_provenance.data.table_difference import LabelFlips, RowCounts, TableDifference
from kfp_provenance.data.transitions import transitions_of
from kfp_provenance.data.values import normal_type
from kfp_provenance.errors import DataError

__all__ = ["EXAMPLES", "LabelFlips", "RowCounts", "TableDifference", "compare_tables"]

EXAMPLES = 5


def compare_tables(
    before: Path,
    after: Path,
    *,
    key: tuple[str, ...] = (),
    label: str = "",
    examples: int = EXAMPLES,
    limit: int = MAX_BYTES,
) -> TableDifference:
    """Compare two tables, each a Parquet or a CSV file.

    Of Parquet, one column of each file is in memory at a time, and about 50 bytes for each row;
    a CSV file is in memory as a whole.

    Args:
        before: The table that is the measure.
        after: The table in question.
        key: Columns that together name a row. A key that is null or not unique is a finding.
        label: Column whose flips are counted; empty for none.
        examples: How many changed cells of a column are shown, with key and values: cells of
            the data, so none of them where the result may be seen by more people than the data.
        limit: Bytes that each file may have, for Parquet when unpacked.

    Raises:
        DataError: DATA_UNREADABLE or DATA_SCHEMA_VIOLATED for what is no table (see
            :func:`~kfp_provenance.data.opening.open_table`); PARAMETER_INVALID if key or label
            are not columns of it.
    """
    with open_table(before, limit=limit) as first, open_table(after, limit=limit) as second:
        _check_names(first, second, key, label)
        schema = _schema(first, second)
        common = tuple(name for name in first.types if name in second.types)
        if key:
            matched = compare_by_key(
                first, second, key=key, common=common, label=label, examples=examples
            )
            return TableDifference(
                schema=schema,
                key=key,
                rows=matched.rows,
                columns=matched.columns,
                not_compared=matched.not_compared,
                labels=matched.labels or _no_label(first, second, label),
                findings=matched.findings,
            )
        rows, labels, not_compared = _as_wholes(first, second, common, label)
        return TableDifference(
            schema=schema,
            key=(),
            rows=rows,
            columns=(),
            not_compared=not_compared,
            labels=labels or _no_label(first, second, label),
        )


def _check_names(first: TableFile, second: TableFile, key: tuple[str, ...], label: str) -> None:
    missing = [name for name in key if name not in first.types or name not in second.types]
    if missing or label in key or len(set(key)) != len(key):
        raise DataError(
            Code.PARAMETER_INVALID,
            "this cannot be the key",
            where=f"key {', '.join(key)}",
            expected="different columns of both tables, the label not among them",
            found=f"not in both: {', '.join(missing)}"
            if missing
            else "a column twice, or the label",
            remedy="name the columns that identify a row",
        )
    if label and label not in first.types and label not in second.types:
        raise DataError(
            Code.PARAMETER_INVALID,
            f"neither table has the label column {label!r}",
            where=f"column {label!r}",
            found=", ".join([*first.types][:20]),
            remedy="name a column of the tables",
        )


def _schema(first: TableFile, second: TableFile) -> SchemaDifference:
    old = {name: str(normal_type(kind)) for name, kind in first.types.items()}
    new = {name: str(normal_type(kind)) for name, kind in second.types.items()}
    both = [name for name in old if name in new]
    return SchemaDifference(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        retyped=tuple(
            TypeChange(name, old[name], new[name]) for name in both if old[name] != new[name]
        ),
        reordered=both != [name for name in new if name in old],
    )


def _no_label(first: TableFile, second: TableFile, label: str) -> LabelFlips | None:
    """The answer for a label that could not be compared; None if none was named."""
    if not label:
        return None
    for which, table in (("before", first), ("after", second)):
        if label not in table.types:
            return LabelFlips(label, exact=False, reason=f"the table {which} has no such column")
    reason = "its values in one table cannot be compared with those in the other"
    return LabelFlips(label, exact=False, reason=reason)


def _as_wholes(
    first: TableFile, second: TableFile, common: tuple[str, ...], label: str
) -> tuple[RowCounts, LabelFlips | None, tuple[str, ...]]:
    """Compare multisets of rows; the label comes last, so that rows are known without it."""
    numbers = RowNumbers(first, second)
    others = [name for name in common if name != label]
    not_compared = [name for name in others if not numbers.refine(name)]
    without_label = numbers.copy()
    labels = None
    if label in common:
        if numbers.refine(label):
            labels = _flips(first, second, label, without_label, numbers)
        else:
            not_compared.append(label)
    unchanged = 0
    if len(not_compared) < len(common):
        unchanged = int(np.minimum(*numbers.counts()).sum())
    rows = RowCounts(
        before=first.rows,
        after=second.rows,
        unchanged=unchanged,
        changed=0,
        removed=first.rows - unchanged,
        added=second.rows - unchanged,
    )
    return rows, labels, tuple(not_compared)


def _flips(
    first: TableFile, second: TableFile, label: str, without: RowNumbers, whole: RowNumbers
) -> LabelFlips | None:
    """Least number of flips among rows that are equal in all other columns.

    Of a group of b rows before and a rows after that are equal but for the label, min(b, a)
    pairs can be made, and as many of them with equal labels as the labels' counts have in
    common: the rest must have flipped.
    """
    pair = paired(first, second, label)
    if pair is None:
        return None
    known = [pc.is_valid(column).to_numpy() for column in pair]
    old, new = _counts(without, *known)
    old_labelled, new_labelled = _counts(whole, *known)
    pairs = np.minimum(old, new)
    compared = int(pairs.sum())
    flipped = compared - int(np.minimum(old_labelled, new_labelled).sum())
    alone = (old == 1) & (new == 1)
    at = [
        _positions(numbers, labelled, alone)
        for numbers, labelled in zip((without.before, without.after), known, strict=True)
    ]
    return LabelFlips(
        name=label,
        exact=False,
        compared=compared,
        flipped=flipped,
        share=rounded(flipped / compared) if compared else None,
        repeated=compared - int(alone.sum()),
        unmatched_before=int(known[0].sum()) - compared,
        unmatched_after=int(known[1].sum()) - compared,
        transitions=transitions_of(pair[0].take(pa.array(at[0])), pair[1].take(pa.array(at[1]))),
    )


def _counts(numbers: RowNumbers, known_before: Truths, known_after: Truths) -> list[Integers]:
    sides = (numbers.before[known_before], numbers.after[known_after])
    return [np.bincount(side, minlength=numbers.different) for side in sides]


def _positions(numbers: Integers, labelled: Truths, wanted: Truths) -> Integers:
    """Positions of the rows with a wanted number, in the order of the numbers."""
    where = np.zeros(len(wanted), dtype=np.int64)
    where[numbers[labelled]] = np.flatnonzero(labelled)
    return where[wanted]
