"""Compare the tables behind two artifacts, from their bytes or else from their profiles."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from kfp_provenance.analysis.diffing.contents import DataSource
from kfp_provenance.analysis.diffing.reading import columns_of, profile_of
from kfp_provenance.data.difference import ProfileDifference
from kfp_provenance.data.table_difference import TableDifference
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.facts import Artifact, ArtifactKind, Digest

MAX_TABLES = 40
"""Pairs of tables that are compared; the sources come first."""
NO_DATA = "no data was read"
LIMIT_REACHED = f"only {MAX_TABLES} pairs of tables were compared"
_DATASET = "system.Dataset"
_FORMATS = ("csv", "csv.gz", "parquet")
_ENDINGS = tuple(f".{form}" for form in _FORMATS)


@dataclass(frozen=True)
class Tables:
    """Two compared tables.

    Attributes:
        rows: How their rows differ; None if only profiles could be compared.
        profiles: How their columns are distributed; None if that cannot be told.
        notes: What could not be compared.
    """

    rows: TableDifference | None
    profiles: ProfileDifference | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """How tables are compared.

    Attributes:
        key: Columns that name a row; empty takes what the artifact's metadata say, or else
            the first of ``declared`` that both tables have.
        declared: Keys that artifacts of the two chains declare: that of a table may be said
            by the step that read it only.
        labels: Names of the label, the likeliest first; the first that is a column counts.
        examples: Cells of changed rows that are shown for each column.
        max_unpacked: Bytes that a table may have when unpacked.
    """

    key: tuple[str, ...] = ()
    declared: tuple[tuple[str, ...], ...] = ()
    labels: tuple[str, ...] = ()
    examples: int = 5
    max_unpacked: int = 4 * 1024**3


_Comparison = Callable[[Path, Path], Tables]


class TableComparer:
    """Compares tables, each pair once.

    Args:
        source: Where bytes are read; None reads nothing.
        settings: How to compare.
    """

    def __init__(self, source: DataSource | None, settings: Settings) -> None:
        self._source = source
        self._settings = settings
        self._known: dict[tuple[Digest, Digest], Tables | str] = {}

    def compare(self, before: Artifact, after: Artifact) -> Tables | str:
        """The difference, or the reason why there is none."""
        key = self._settings.key or declared_key(after) or declared_key(before)
        return self._once(before, after, lambda one, other: self._tables(key, one, other))

    def compare_profiles(self, before: Artifact, after: Artifact) -> Tables | str:
        """Of two artifacts that are data profiles, the difference of what they describe."""
        return self._once(before, after, self._profiles)

    def _once(self, before: Artifact, after: Artifact, compare: _Comparison) -> Tables | str:
        pair = (before.digest, after.digest)
        if pair not in self._known:
            if self._source is None:
                return NO_DATA
            if len(self._known) >= MAX_TABLES:
                return LIMIT_REACHED
            self._known[pair] = _fetched(self._source, before, after, compare)
        return self._known[pair]

    def _tables(self, asked: tuple[str, ...], one: Path, other: Path) -> Tables:
        from kfp_provenance.data.compare import compare_profiles  # noqa: PLC0415 - slow to load
        from kfp_provenance.data.tables import compare_tables  # noqa: PLC0415

        names = columns_of(one), columns_of(other)
        label = next((n for n in self._settings.labels if n in names[0] or n in names[1]), "")
        known = (key for key in self._settings.declared if _in_both(key, *names))
        key = asked if _in_both(asked, *names) else ()
        key = key or (next(known, ()) if not asked else ())
        notes = [] if key or not asked else [f"not compared by key: no column {', '.join(asked)}"]
        rows = compare_tables(
            one,
            other,
            key=key,
            label=label,
            examples=self._settings.examples,
            limit=self._settings.max_unpacked,
        )
        notes += [f"{finding.message}: {finding.found}" for finding in rows.findings]
        if rows.labels is not None and rows.labels.reason:
            notes.append(f"labels are not compared: {rows.labels.reason}")
        if rows.not_compared:
            notes.append(f"not compared: {', '.join(rows.not_compared[:5])}, of other types")
        profiles = None
        try:
            profiles = compare_profiles(
                *(profile_of(path, label, self._settings.max_unpacked) for path in (one, other))
            )
        except ProvenanceError as error:
            notes.append(f"distributions are not compared: {error.message}")
        return Tables(rows, profiles, tuple(notes))

    def _profiles(self, one: Path, other: Path) -> Tables:
        from kfp_provenance.data.compare import compare_profiles  # noqa: PLC0415 - slow to load
        from kfp_provenance.data.profile import DataProfile  # noqa: PLC0415

        first, second = DataProfile.read(one), DataProfile.read(other)
        label = next(
            (name for name in self._settings.labels if second.column(name) is not None), ""
        )
        return Tables(None, compare_profiles(first, second, label=label))


def _fetched(
    source: DataSource, before: Artifact, after: Artifact, compare: _Comparison
) -> Tables | str:
    with TemporaryDirectory(prefix="kprov-diff-") as folder:
        one, other = Path(folder) / "before", Path(folder) / "after"
        for artifact, path in ((before, one), (after, other)):
            try:
                source.fetch(artifact, path)
            except ProvenanceError as error:
                return f"the bytes {path.name} cannot be read: {error.message}"
        try:
            return compare(one, other)
        except ProvenanceError as error:
            return error.message


def may_be_table(artifact: Artifact) -> bool:
    """Whether an artifact says to be a table: by its type, its address or its metadata."""
    if artifact.kind is not ArtifactKind.FILE:
        return False
    name = PurePosixPath(artifact.uri).name.lower()
    if artifact.type == _DATASET or name.endswith(_ENDINGS):
        return True
    return _entry(artifact, "format") in _FORMATS


def entry_label(artifact: Artifact) -> str:
    """Name of the label that a task wrote into an artifact's metadata; may be empty."""
    label = _entry(artifact, "label")
    return label if isinstance(label, str) else ""


def _in_both(key: tuple[str, ...], one: Collection[str], other: Collection[str]) -> bool:
    return all(name in side for name in key for side in (one, other))


def declared_key(artifact: Artifact) -> tuple[str, ...]:
    """Columns that a task declared as key: a list, or such a list as text."""
    value = _entry(artifact, "key")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = [value]
    names = value if isinstance(value, list) else []
    return tuple(name for name in names if isinstance(name, str) and name)


def _entry(artifact: Artifact, name: str) -> object:
    try:
        entries = json.loads(artifact.metadata or "{}")
    except ValueError:
        return None
    return entries.get(name) if isinstance(entries, dict) else None
