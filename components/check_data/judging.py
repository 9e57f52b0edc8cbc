"""Which limits hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from kfp_provenance.codes import Code
from kfp_provenance.components._parameters import invalid
from kfp_provenance.components.check_data.thresholds import Limits
from kfp_provenance.data.compare import NO_BINS, ColumnDifference, ProfileDifference
from kfp_provenance.data.difference import LabelDifference, SchemaDifference
from kfp_provenance.data.profile import DataProfile
from kfp_provenance.data.tables import TableDifference
from kfp_provenance.errors import DataError

MOMENTS = "datetime"
_SHOWN = 20


class Status(StrEnum):
    """How a limit was judged."""

    HOLDS = "holds"
    BROKEN = "broken"
    UNDECIDED = "undecided"
    """It cannot be measured, which is no pass."""


@dataclass(frozen=True)
class Judged:
    """One limit and what was found.

    Attributes:
        rule: Name of the limit in the parameter ``thresholds``, or ``key``.
        column: The column that it is about; empty for the table.
        status: Whether it holds.
        expected: What it asks, in words.
        found: What there is, in words.
        value: What was measured, if it is a number.
    """

    rule: str
    column: str
    status: Status
    expected: str
    found: str
    value: float | None = None

    @property
    def subject(self) -> str:
        """What it is about, for messages."""
        return f"{self.rule} of {self.column!r}" if self.column else self.rule


def judge(
    profile: DataProfile,
    difference: ProfileDifference | None,
    tables: TableDifference | None,
    limits: Limits,
) -> tuple[Judged, ...]:
    """Every limit that applies, those of the table first.

    Args:
        profile: Of the data in question.
        difference: From the baseline; None without one.
        tables: Difference of the rows; None if they were not compared.
        limits: What must hold.

    Raises:
        DataError: PARAMETER_INVALID for a limit of a column or a label that there is not.
    """
    names = [column.name for column in profile.columns]
    removed = difference.schema.removed if difference is not None else ()
    limits.check_columns([*names, *removed])
    judged = list(_absolute(profile, limits))
    if difference is not None:
        judged += _table(difference, tables, limits)
        for column in difference.columns:
            judged += _column(column, limits)
    return tuple(judged)


def enforce(judged: tuple[Judged, ...]) -> None:
    """Fail if a limit does not hold, or could not be measured.

    Raises:
        DataError: DATA_DRIFTED, naming the columns and values; DATA_UNREADABLE if no limit is
            broken but one is undecided.
    """
    broken = [item for item in judged if item.status is Status.BROKEN]
    undecided = [item for item in judged if item.status is Status.UNDECIDED]
    # the record of the step holds the message alone: what was found belongs into it
    found = "; ".join(f"{item.subject}: {item.found}" for item in (broken or undecided)[:_SHOWN])
    if broken:
        raise DataError(
            Code.DATA_DRIFTED,
            f"the data is not like the approved data: {found}",
            where=f"column {broken[0].column!r}" if broken[0].column else broken[0].rule,
            expected="; ".join(f"{item.subject}: {item.expected}" for item in broken[:_SHOWN]),
            found=f"{len(broken)} of {len(judged)} limits broken",
            remedy="look at the report; if the change is meant, set the thresholds for it and "
            "approve the run",
        )
    if undecided:
        raise DataError(
            Code.DATA_UNREADABLE,
            f"limits cannot be judged: {found}",
            where=f"column {undecided[0].column!r}" if undecided[0].column else undecided[0].rule,
            expected="; ".join(f"{item.subject}: {item.expected}" for item in undecided[:_SHOWN]),
            found=f"{len(undecided)} of {len(judged)} limits undecided",
            remedy="ingest the baseline data again for a profile that can be compared, or set "
            "the limit to off",
        )


def _absolute(profile: DataProfile, limits: Limits) -> Iterator[Judged]:
    if limits.min_rows is not None:
        enough = profile.rows >= limits.min_rows
        status = Status.HOLDS if enough else Status.BROKEN
        expected = f"at least {limits.min_rows}"
        yield Judged("min_rows", "", status, expected, str(profile.rows), profile.rows)
    for column in profile.columns:
        share = column.nulls / profile.rows if profile.rows else 0.0
        yield from _at_most("max_nulls", column.name, share, limits.nulls_of(column.name))


def _at_most(rule: str, column: str, value: float, limit: float | None) -> Iterator[Judged]:
    if limit is not None:
        status = Status.HOLDS if value <= limit else Status.BROKEN
        yield Judged(rule, column, status, f"at most {limit:g}", f"{value:.4g}", value)


def _table(
    difference: ProfileDifference, tables: TableDifference | None, limits: Limits
) -> Iterator[Judged]:
    yield from _schema(difference.schema, limits)
    if limits.max_row_change is not None:
        change = difference.row_change
        if change is None:
            yield _undecided("max_row_change", "", limits.max_row_change, "no rows before")
        else:
            yield from _at_most("max_row_change", "", abs(change), limits.max_row_change)
    if tables is not None and tables.findings:
        found = "; ".join(f"{finding.message}: {finding.found}" for finding in tables.findings)
        yield Judged("key", "", Status.BROKEN, "names each row of both data sets", found)
    yield from _label(difference.label, tables, limits)


def _schema(schema: SchemaDifference, limits: Limits) -> Iterator[Judged]:
    if not limits.allow_schema_change:
        parts = [f"{name!r} is gone" for name in schema.removed]
        parts += [f"{name!r} is new" for name in schema.added]
        parts += [f"{c.column!r} was {c.before} and is {c.after}" for c in schema.retyped]
        status = Status.BROKEN if schema.changed else Status.HOLDS
        found = "; ".join(parts[:_SHOWN]) or "the same"
        yield Judged("allow_schema_change", "", status, "the same columns and types", found)
    if not limits.allow_reordering:
        status = Status.BROKEN if schema.reordered else Status.HOLDS
        found = "another order" if schema.reordered else "the same"
        yield Judged("allow_reordering", "", status, "columns in the same order", found)


def _label(
    label: LabelDifference | None, tables: TableDifference | None, limits: Limits
) -> Iterator[Judged]:
    asked = {"max_label_psi", "max_label_flip"} & limits.model_fields_set
    if label is None:
        if asked:
            raise invalid(
                f"thresholds.{min(asked)}",
                "no label is named",
                remedy="name it in the parameter `label`, here or in `ingest`",
            )
        return
    drift, flipped = label.drift, label.flipped_at_least
    if drift is not None:
        yield from _at_most("max_label_psi", label.name, drift.psi, limits.max_label_psi)
    elif limits.max_label_psi is not None:
        yield _undecided("max_label_psi", label.name, limits.max_label_psi, label.reason)
    rows = tables.labels if tables is not None else None
    if rows is not None and rows.share is not None:
        flipped = rows.share
    if flipped is not None:
        yield from _at_most("max_label_flip", label.name, flipped, limits.max_label_flip)
    elif limits.max_label_flip is not None and (drift is None or "max_label_flip" in asked):
        reason = label.reason or "the label has too many values to count flips in profiles"
        yield _undecided("max_label_flip", label.name, limits.max_label_flip, reason)


def _undecided(rule: str, column: str, limit: float, reason: str) -> Judged:
    return Judged(rule, column, Status.UNDECIDED, f"at most {limit:g}", reason)


def _column(column: ColumnDifference, limits: Limits) -> Iterator[Judged]:
    limit = limits.psi_of(column.name, moments=column.after.type == MOMENTS)
    if column.drift is not None and limit is not None:
        psi, chance = column.drift.psi, column.drift.psi_by_chance
        status = Status.HOLDS if psi <= limit else Status.BROKEN
        # on few rows a PSI above the limit may mean nothing: say so where it is read
        found = f"{psi:.4g} (up to {chance:.4g} by chance)" if chance > limit else f"{psi:.4g}"
        yield Judged("max_psi", column.name, status, f"at most {limit:g}", found, psi)
    elif column.reason == NO_BINS and limit is not None:
        yield _undecided("max_psi", column.name, limit, column.reason)
    increase = column.null_increase
    yield from _at_most(
        "max_null_increase", column.name, increase, limits.null_increase_of(column.name)
    )
