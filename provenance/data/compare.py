"""What is different between two tables, from their data profiles alone.

No row is read. So what is found is about each column by itself: rows that changed places,
cells that were swapped, and labels that were flipped as often one way as the other leave every
distribution as it was. ``tables.py`` compares the rows.
"""

from __future__ import annotations

from kfp_provenance.data.binning import Bins, Categories, category_bins, ordered_bins
from kfp_provenance.data.difference import (
    ColumnDifference,
    ColumnSummary,
    Drift,
    LabelDifference,
    ProfileDifference,
    SchemaDifference,
    TypeChange,
)
from kfp_provenance.data.measures import (
    chi_square,
    cramers_v,
    psi,
    psi_by_chance,
    rounded,
    total_variation,
)
from kfp_provenance.data.profile import ORDERED, ColumnProfile, DataProfile
from kfp_provenance.data.sketch import Cut, Sketch

__all__ = [
    "ColumnDifference",
    "Drift",
    "LabelDifference",
    "ProfileDifference",
    "SchemaDifference",
    "compare_profiles",
]

EMPTY = "empty"
NO_BINS = "a profile of version 1 has no bins of numbers; profile the table again"


def compare_profiles(
    before: DataProfile, after: DataProfile, *, label: str = ""
) -> ProfileDifference:
    """Compare two data profiles.

    Args:
        before: Of the table that is the measure.
        after: Of the table in question.
        label: Column of the label; empty takes the one that a profile names, the later first.

    Returns:
        The difference; equal for equal profiles, to the bit.
    """
    pairs = [(old, new) for old in before.columns if (new := after.column(old.name)) is not None]
    change = (after.rows - before.rows) / before.rows if before.rows else None
    return ProfileDifference(
        rows_before=before.rows,
        rows_after=after.rows,
        row_change=None if change is None else rounded(change),
        schema=_schema(before, after),
        columns=tuple(_column(old, new, before.rows, after.rows) for old, new in pairs),
        label=_label(before, after, label or _named_label(after) or _named_label(before)),
    )


def _schema(before: DataProfile, after: DataProfile) -> SchemaDifference:
    first = {column.name: _type(column, before.rows) for column in before.columns}
    second = {column.name: _type(column, after.rows) for column in after.columns}
    both = [name for name in first if name in second]
    return SchemaDifference(
        added=tuple(name for name in second if name not in first),
        removed=tuple(name for name in first if name not in second),
        retyped=tuple(
            TypeChange(name, first[name], second[name])
            for name in both
            if first[name] != second[name]
        ),
        reordered=both != [name for name in second if name in first],
    )


def _type(column: ColumnProfile, rows: int) -> str:
    """Its type; a column that was declared and holds nothing is as empty as any other."""
    return column.type if column.nulls < rows else EMPTY


def _column(
    before: ColumnProfile, after: ColumnProfile, rows_before: int, rows_after: int
) -> ColumnDifference:
    first, second = _summary(before, rows_before), _summary(after, rows_after)
    bins, reason = _bins(before, after, rows_before, rows_after)
    outside = None
    if before.sketch is not None and after.sketch is not None and bins is not None:
        outside = _outside(before.sketch, after.sketch)
    return ColumnDifference(
        name=before.name,
        before=first,
        after=second,
        null_increase=rounded(second.nulls - first.nulls),
        outside=outside,
        drift=_drift(bins) if bins is not None else None,
        reason=reason,
    )


def _summary(column: ColumnProfile, rows: int) -> ColumnSummary:
    return ColumnSummary(
        type=_type(column, rows),
        nulls=rounded(column.nulls / rows) if rows else 0.0,
        distinct=column.distinct,
        minimum=column.minimum,
        maximum=column.maximum,
        mean=column.mean,
        std=column.std,
    )


def _bins(
    before: ColumnProfile, after: ColumnProfile, rows_before: int, rows_after: int
) -> tuple[Bins | None, str]:
    """Common bins, or the reason why there are none."""
    old, new = _type(before, rows_before), _type(after, rows_after)
    if EMPTY in (old, new):
        return None, "no row has a value" if old == new else "in one table no row has a value"
    if old in ORDERED and new in ORDERED and (old == "datetime") is (new == "datetime"):
        if before.sketch is None or after.sketch is None:
            return None, NO_BINS
        return ordered_bins(before.sketch, after.sketch, moments=old == "datetime"), ""
    if old != new:
        return None, f"values of type {old} cannot be compared with values of type {new}"
    first, second = _categories(before, rows_before), _categories(after, rows_after)
    return category_bins(first, second), ""


def _categories(column: ColumnProfile, rows: int) -> Categories:
    listed = sum(value.count for value in column.top)
    return Categories.of(column.top, rows - column.nulls - listed)


def _drift(bins: Bins) -> Drift:
    first = [item.before for item in bins.bins]
    second = [item.after for item in bins.bins]
    test = chi_square(first, second)
    return Drift(
        psi=psi(first, second),
        psi_by_chance=psi_by_chance(first, second),
        chi_square=test,
        cramers_v=cramers_v(test.statistic, sum(first) + sum(second)),
        total_variation=total_variation(first, second),
        unsure=rounded(bins.unsure),
        bins=bins.bins,
    )


def _outside(before: Sketch, after: Sketch) -> float:
    low, high = before.numbers[0], before.numbers[-1]
    below = after.locate(Cut(low, above=False)).rows
    above = after.rows - after.locate(Cut(high, above=True)).rows
    return rounded((below + above) / after.rows)


def _named_label(profile: DataProfile) -> str:
    return profile.label.name if profile.label is not None else ""


def _label(before: DataProfile, after: DataProfile, name: str) -> LabelDifference | None:
    if not name:
        return None
    old, new = before.column(name), after.column(name)
    if old is None or new is None:
        which = "before" if old is None else "after"
        return LabelDifference(name, None, None, f"the table {which} has no such column")
    first, second = _distribution(before, old), _distribution(after, new)
    if first is not None and second is not None:
        return LabelDifference(name, _drift(category_bins(first, second)), _moved(first, second))
    # a label of many values is a number to predict, and drifts as any other number
    bins, reason = _bins(old, new, before.rows, after.rows)
    return LabelDifference(name, _drift(bins) if bins is not None else None, None, reason)


def _moved(before: Categories, after: Categories) -> float:
    """Total variation distance over all values, none of them put together."""
    values = {**before.counts, **after.counts}
    return total_variation(
        [before.counts.get(value, 0) for value in values],
        [after.counts.get(value, 0) for value in values],
    )


def _distribution(profile: DataProfile, column: ColumnProfile) -> Categories | None:
    """All values of the label with their counts, if the profile names them all."""
    values = profile.rows - column.nulls
    named = profile.label
    if not values:
        return None
    if named is not None and named.name == column.name and named.distribution:
        return Categories.of(named.distribution)
    if column.sketch is not None and column.sketch.whole:
        return Categories(dict(zip(column.sketch.numbers, column.sketch.equal, strict=True)))
    listed = sum(value.count for value in column.top)
    return Categories.of(column.top) if listed == values else None
