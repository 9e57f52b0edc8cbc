"""What the component ``check_data`` does, apart from KFP."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import rfc8785

from kfp_provenance.components._parameters import invalid
from kfp_provenance.components.check_data.baseline import (
    Asked,
    Baseline,
    fetch_dataset,
    find_baseline,
)
from kfp_provenance.components.check_data.judging import Judged, Status, judge
from kfp_provenance.components.check_data.page import render
from kfp_provenance.components.check_data.thresholds import Limits
from kfp_provenance.data.compare import ProfileDifference, compare_profiles
from kfp_provenance.data.plain import JsonObject, plain_object
from kfp_provenance.data.profile import DataProfile
from kfp_provenance.data.tables import TableDifference, compare_tables
from kfp_provenance.hashing import Content, hash_path

REPORT_VERSION = 1


@dataclass(frozen=True)
class Data:
    """The data in question.

    Attributes:
        profile: Profile of `ingest`.
        dataset: The data set itself; None to compare profiles only.
        key: Columns that name a row of it.
        label: Column of the label; empty takes the one that a profile names.
        limit: Bytes that the data set of the baseline may have.
    """

    profile: Path
    dataset: Path | None = None
    key: tuple[str, ...] = ()
    label: str = ""
    limit: int = 2 * 1024**3


@dataclass(frozen=True)
class Check:
    """Result of a check.

    Attributes:
        judged: Every limit that applies; ask ``judging.enforce`` to fail.
        report: Canonical JSON; equal bytes for equal data, baseline and limits.
        page: HTML.
        metrics: Figures by name.
    """

    judged: tuple[Judged, ...]
    report: bytes
    page: str
    metrics: Mapping[str, float]


def check_table(data: Data, asked: Asked, thresholds: dict[str, object]) -> Check:
    """Compare the data with the baseline, and judge.

    Args:
        data: What to check.
        asked: Where the baseline is.
        thresholds: See :class:`~kfp_provenance.components.check_data.thresholds.Limits`.

    Raises:
        DataError: PARAMETER_INVALID or DATA_UNREADABLE. A broken limit does not raise here, so
            that the outputs are written first.
        ProvenanceError: See :func:`~kfp_provenance.components.check_data.baseline.find_baseline`.
    """
    limits = Limits.from_parameter(thresholds)
    profile = DataProfile.read(data.profile)
    if data.key and data.dataset is None:
        raise invalid("key", "there are no rows to match", remedy="hand over the input `dataset`")
    with tempfile.TemporaryDirectory() as folder:
        baseline = find_baseline(asked, Path(folder))
        tables = _compare_rows(data, profile, baseline, Path(folder))
    difference = None
    if baseline is not None:
        _check_label(data.label, profile, baseline.profile)
        difference = compare_profiles(baseline.profile, profile, label=data.label)
    judged = judge(profile, difference, tables, limits)
    content = hash_path(data.profile)
    return Check(
        judged=judged,
        report=_report(content, baseline, difference, tables, judged),
        page=render(profile, baseline, difference, tables, judged),
        metrics=_metrics(profile, difference, tables, judged),
    )


def _check_label(label: str, profile: DataProfile, baseline: DataProfile) -> None:
    if label and profile.column(label) is None and baseline.column(label) is None:
        raise invalid(
            "label",
            f"there is no column {label!r}",
            remedy="there is: " + ", ".join(column.name for column in profile.columns[:50]),
        )


def _compare_rows(
    data: Data, profile: DataProfile, baseline: Baseline | None, folder: Path
) -> TableDifference | None:
    """Compare the data sets, if there are two.

    Raises:
        DataError: PARAMETER_INVALID if the baseline is of no known data set.
    """
    if data.dataset is None or baseline is None:
        return None
    if baseline.dataset is None:
        raise invalid(
            "dataset",
            "the baseline has no data set to compare its rows with",
            remedy="leave `dataset` away, or take a published baseline whose task wrote a data set",
        )
    before = folder / "dataset"
    fetch_dataset(baseline.dataset, before, data.limit)
    return compare_tables(
        before,
        data.dataset,
        key=data.key,
        label=data.label or _label_of(baseline.profile) or _label_of(profile),
        examples=0,  # the report is evidence, and may be seen by more people than the data
    )


def _label_of(profile: DataProfile) -> str:
    return profile.label.name if profile.label is not None else ""


def _report(
    content: Content,
    baseline: Baseline | None,
    difference: ProfileDifference | None,
    tables: TableDifference | None,
    judged: Sequence[Judged],
) -> bytes:
    return rfc8785.dumps(
        {
            "version": REPORT_VERSION,
            "passed": all(item.status is Status.HOLDS for item in judged),
            "profile": str(content.digest),
            "baseline": _described(baseline) if baseline is not None else None,
            "limits": [plain_object(item) for item in judged],
            "difference": difference.to_json() if difference is not None else None,
            "rows": tables.to_json() if tables is not None else None,
        }
    )


def _described(baseline: Baseline) -> JsonObject:
    source, dataset, approval = baseline.source, baseline.dataset, baseline.approval
    return {
        "profile": {"uri": source.uri, "digest": str(source.content.digest)},
        "dataset": {"uri": dataset.uri, "digest": str(dataset.digest)} if dataset else None,
        "approval": plain_object(approval) if approval is not None else None,
    }


def _metrics(
    profile: DataProfile,
    difference: ProfileDifference | None,
    tables: TableDifference | None,
    judged: Sequence[Judged],
) -> dict[str, float]:
    """Figures that there are; a number that cannot be measured is left out, and not zero."""
    broken = [item for item in judged if item.status is Status.BROKEN]
    metrics: dict[str, float] = {"rows": profile.rows, "broken_limits": len(broken)}
    if difference is not None:
        if difference.row_change is not None:
            metrics["row_change"] = difference.row_change
        metrics["drifted_columns"] = sum(item.rule == "max_psi" for item in broken)
        measured = [column.drift.psi for column in difference.columns if column.drift is not None]
        if measured:
            metrics["largest_psi"] = max(measured)
        if difference.label is not None and difference.label.drift is not None:
            metrics["label_psi"] = difference.label.drift.psi
        if difference.label is not None and difference.label.flipped_at_least is not None:
            metrics["label_flips_at_least"] = difference.label.flipped_at_least
    if tables is not None:
        metrics["changed_rows"] = tables.rows.changed
        metrics["added_rows"] = tables.rows.added
        metrics["removed_rows"] = tables.rows.removed
        if tables.labels is not None and tables.labels.share is not None:
            metrics["label_flips"] = tables.labels.share
    return metrics
