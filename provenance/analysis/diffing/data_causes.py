"""From the difference of two tables to causes, and to one line."""

from __future__ import annotations

from collections.abc import Iterator

from kfp_provenance.analysis.diffing import likelihood
from kfp_provenance.analysis.diffing.column_causes import column_causes
from kfp_provenance.analysis.diffing.findings import (
    DataCause,
    count,
    figures,
    more_than_chance,
    percent,
)
from kfp_provenance.analysis.diffing.likelihood import FIXED
from kfp_provenance.analysis.diffing.model import CauseKind, Figure
from kfp_provenance.analysis.diffing.tables import Tables
from kfp_provenance.data.difference import Drift
from kfp_provenance.data.measures import SMALL_PSI, rounded
from kfp_provenance.data.table_difference import LabelFlips

MAX_EXAMPLES = 5
"""Columns, rows or packages that are named of one cause."""
LABEL_NOISE = "label noise: "
_NUMBERS = frozenset({"int8", "int16", "int32", "int64", "double", "integer", "number"})


def data_causes(tables: Tables) -> tuple[DataCause, ...]:
    """Everything in which the tables differ, each aspect once."""
    found = [
        *_label(tables),
        *_schema(tables),
        *column_causes(tables),
        *_rows(tables),
    ]
    if not any(c.kind in (CauseKind.DRIFT, CauseKind.NULLS, CauseKind.RANGE) for c in found):
        found += _cells(tables)
    if not found and tables.rows is not None and tables.rows.equal:
        title = "the tables hold the same rows; only their order or coding differs"
        found.append(DataCause(CauseKind.SAME_TABLE, title, FIXED[CauseKind.SAME_TABLE]))
    return tuple(found)


def summary(tables: Tables) -> str:
    """The difference in one line: what is likeliest to matter, and how much more there is."""
    found = sorted(data_causes(tables), key=lambda cause: -cause.likelihood.score)
    if not found:
        return "no difference in the columns"
    more = f" (and {count(len(found) - 1, 'other difference')})" if len(found) > 1 else ""
    return found[0].title.removeprefix(LABEL_NOISE) + more


def _label(tables: Tables) -> Iterator[DataCause]:
    flips = tables.rows.labels if tables.rows else None
    shift = tables.profiles.label if tables.profiles else None
    measured = shift.drift if shift else None
    drift = more_than_chance(measured)
    name = flips.name if flips else shift.name if shift else ""
    evidence: list[tuple[str, Figure]] = figures(measured) if measured is not None else []
    if flips is not None and flips.flipped:
        labelled = flips.compared + flips.unmatched_before
        share = flips.flipped / labelled
        where = "for the same keys" if flips.exact else "although all other columns are equal"
        title = (
            f"{LABEL_NOISE}{flips.flipped:,} of {labelled:,} labels in {name!r} "
            f"differ {where} ({percent(share)})"
        )
        moves = tuple(
            f"{move.before} became {move.after} in {count(move.rows, 'row')}"
            for move in flips.transitions
        )
        evidence = [
            ("flipped", flips.flipped), ("labelled", labelled), ("compared", flips.compared),
            ("share", rounded(share)), ("exact", flips.exact), *evidence,
        ]  # fmt: skip
        score = likelihood.of_label(_known_flips(flips) / labelled, drift.psi if drift else None)
        yield DataCause(CauseKind.LABEL, title, score, name, tuple(evidence), moves)
    elif drift is not None and drift.psi >= SMALL_PSI:
        title = f"the label {name!r} is distributed otherwise: PSI {drift.psi:.3g}"
        score = likelihood.of_label(None, drift.psi)
        yield DataCause(CauseKind.LABEL, title, score, name, tuple(evidence), _bins(drift))


def _known_flips(flips: LabelFlips) -> int:
    """Flips to count on: where most rows are not unique, a new sample looks like flips too."""
    if flips.exact or flips.repeated * 2 <= flips.compared:
        return flips.flipped
    return sum(move.rows for move in flips.transitions)


def _schema(tables: Tables) -> Iterator[DataCause]:
    # profiles fold the types of numbers; rows know the types of the files
    source = tables.rows or tables.profiles
    if source is None:
        return
    schema = source.schema
    examples = [
        *(f"column {name!r} was removed" for name in schema.removed),
        *(f"column {name!r} was added" for name in schema.added),
        *(f"{change.column!r}: {change.before} became {change.after}" for change in schema.retyped),
    ]
    numbers = bool(schema.retyped) and all(
        {change.before, change.after} <= _NUMBERS for change in schema.retyped
    )
    columns = bool(schema.added or schema.removed) or (bool(schema.retyped) and not numbers)
    if not schema.changed and not schema.reordered:
        return
    parts = [
        f"{len(names)} {what}"
        for names, what in (
            (schema.removed, "removed"),
            (schema.added, "added"),
            (schema.retyped, "of another type"),
        )
        if names
    ]
    title = f"the columns differ: {', '.join(parts)}" if parts else "the columns are reordered"
    yield DataCause(
        CauseKind.SCHEMA,
        title,
        likelihood.of_schema(columns=columns, numbers=numbers),
        evidence=(
            ("removed", len(schema.removed)),
            ("added", len(schema.added)),
            ("retyped", len(schema.retyped)),
            ("reordered", schema.reordered),
        ),
        examples=tuple(examples),
    )


def _rows(tables: Tables) -> Iterator[DataCause]:
    if tables.rows is None:
        profiles = tables.profiles
        before, after = (profiles.rows_before, profiles.rows_after) if profiles else (0, 0)
        added, removed = max(0, after - before), max(0, before - after)
    else:
        rows = tables.rows.rows
        before, after = rows.before, rows.after
        # without a key, a row that changed is one removed and one added
        replaced = 0 if tables.rows.key else min(rows.added, rows.removed)
        added, removed = rows.added - replaced, rows.removed - replaced
    if not added and not removed:
        return
    title = f"{count(added, 'row')} added and {removed:,} removed ({before:,} became {after:,})"
    yield DataCause(
        CauseKind.ROWS,
        title,
        likelihood.of_rows((added + removed) / max(1, before)),
        evidence=(("before", before), ("after", after), ("added", added), ("removed", removed)),
    )


def _cells(tables: Tables) -> Iterator[DataCause]:
    if tables.rows is None:
        return
    rows, labels = tables.rows.rows, tables.rows.labels
    label = labels.name if labels else ""
    columns = [c for c in tables.rows.columns if c.cells and c.name != label]
    columns.sort(key=lambda column: (-column.cells, column.name))
    if tables.rows.key:
        changed = columns[0].cells if columns else 0
    else:
        # a flipped label, too, is a row that was removed and another that was added
        changed = min(rows.added, rows.removed) - (labels.flipped if labels else 0)
    if changed <= 0:
        return
    where = f" in {count(len(columns), 'column')}" if columns else ""
    least = "at least " if len(columns) > 1 else ""
    yield DataCause(
        CauseKind.CELLS,
        f"{least}{count(changed, 'row')} hold other values{where}",
        likelihood.of_cells(changed / max(1, rows.before)),
        columns[0].name if columns else "",
        (("changed", changed), ("columns", len(columns))),
        tuple(f"{column.name!r} in {count(column.cells, 'row')}" for column in columns),
    )


def _bins(drift: Drift) -> tuple[str, ...]:
    return tuple(f"{part.name}: {part.before:,} became {part.after:,}" for part in drift.bins)
