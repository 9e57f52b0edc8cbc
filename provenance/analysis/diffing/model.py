"""What a comparison of two artifacts says: plain, frozen, and limited in length."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kfp_provenance.data.difference import ProfileDifference
from kfp_provenance.data.table_difference import TableDifference

Figure = bool | int | float | str


class CauseKind(StrEnum):
    """What can make a later artifact another one."""

    LABEL = "label"
    SCHEMA = "schema"
    ROWS = "rows"
    NULLS = "nulls"
    DRIFT = "drift"
    RANGE = "range"
    CELLS = "cells"
    BYTES = "bytes"
    SAME_TABLE = "same table"
    WIRING = "wiring"
    STEPS = "steps"
    INPUT = "input"
    ORIGIN = "origin"
    ORDER = "order of inputs"
    COMPONENT = "component"
    OUTCOME = "outcome"
    PARAMETER = "parameter"
    SEED = "seed"
    SOURCE = "component source"
    ML_PACKAGE = "machine-learning packages"
    PYTHON = "python"
    IMAGE = "image"
    PACKAGE = "other packages"
    ENVIRONMENT = "environment"
    VERSION = "component version"
    COMMIT = "commit"
    NOT_REPRODUCIBLE = "not reproducible"


@dataclass(frozen=True)
class Content:
    """An artifact on one side.

    Attributes:
        name: Name of the output or input.
        digest: ``sha256:<hex>``.
        uri: Where it was recorded.
        type: Schema title.
        size: Bytes.
        version: Version of the object at its address, if known.
        task: Task that wrote it; empty if nobody in the chain did.
        run: Run of that task.
    """

    name: str
    digest: str
    uri: str
    type: str
    size: int
    version: str = ""
    task: str = ""
    run: str = ""


@dataclass(frozen=True)
class Subject:
    """What is compared, under one name."""

    name: str
    before: Content
    after: Content

    @property
    def equal(self) -> bool:
        """Whether both are the same bytes."""
        return self.before.digest == self.after.digest


@dataclass(frozen=True)
class Divergence:
    """Where the chains part first on some way to a subject.

    Attributes:
        title: In one sentence.
        task: Task that wrote other bytes, or read them; empty at the subject itself.
        name: Input or output that it is about; several with commas.
        before: Content before; None if the other side alone has it, or if it is a step.
        after: Likewise.
        ways: Tasks of each way from there to a subject, whose name is the last entry.
        more_ways: Ways that are not listed.
    """

    title: str
    task: str
    name: str
    before: Content | None
    after: Content | None
    ways: tuple[tuple[str, ...], ...]
    more_ways: int = 0


@dataclass(frozen=True)
class Cause:
    """A difference that nothing else in the chains explains.

    Attributes:
        kind: What it is.
        title: In one plain sentence.
        tasks: Where: the tasks that have it.
        name: Parameter, input, output or package that it is about; may be empty.
        column: Column of the table that it is about; may be empty.
        before: Value before, shortened; empty if there was none.
        after: Value after, likewise.
        evidence: Figures by name.
        examples: Some of the rows, columns or packages, in words.
        more_examples: How many more there are.
        score: How likely it explains the difference, 0 to 1; see ``likelihood.py``.
        why: Why it has this score.
    """

    kind: CauseKind
    title: str
    tasks: tuple[str, ...]
    score: float
    why: str
    name: str = ""
    column: str = ""
    before: str = ""
    after: str = ""
    evidence: tuple[tuple[str, Figure], ...] = ()
    examples: tuple[str, ...] = ()
    more_examples: int = 0


@dataclass(frozen=True)
class Consequence:
    """A difference that follows from others.

    Attributes:
        task: Task that wrote other outputs because it read other inputs.
        title: In one sentence.
    """

    task: str
    title: str


@dataclass(frozen=True)
class MetricChange:
    """A figure that a step reported.

    Attributes:
        task: Task that reported it.
        name: Name of the output and of the metric.
        before: None if it was not reported.
        after: Likewise.
    """

    task: str
    name: str
    before: float | None
    after: float | None

    @property
    def difference(self) -> float | None:
        """After less before."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before


@dataclass(frozen=True)
class DataComparison:
    """Two tables at the same place of both chains.

    Attributes:
        task: Task that read or wrote them.
        name: Name of the input or output.
        of: What was compared: ``tables``, or ``profiles`` where the bytes could not be read.
        source: Whether the table comes from outside; else it follows from something.
        before: The artifact before.
        after: The artifact after.
        summary: In one line.
        tables: How the tables differ.
        profiles: How their profiles differ.
    """

    task: str
    name: str
    of: str
    source: bool
    before: Content
    after: Content
    summary: str
    tables: TableDifference | None = None
    profiles: ProfileDifference | None = None


@dataclass(frozen=True)
class LineageDiff:
    """Why ``after`` is different from ``before``.

    Attributes:
        before: The reference as it was given.
        after: Likewise.
        subjects: What was compared.
        divergences: Where the chains part first, in the order in which the steps ran.
        more_divergences: How many more there are.
        causes: The likeliest first.
        more_causes: How many more there are.
        consequences: Producers before their consumers.
        more_consequences: How many more there are.
        metrics: Figures that differ, and those beside them.
        more_metrics: How many more there are.
        data: Tables that were compared.
        notes: What a reader should know: what could not be read, compared or told.
        more_notes: How many more there are.
    """

    before: str
    after: str
    subjects: tuple[Subject, ...]
    divergences: tuple[Divergence, ...] = ()
    more_divergences: int = 0
    causes: tuple[Cause, ...] = ()
    more_causes: int = 0
    consequences: tuple[Consequence, ...] = ()
    more_consequences: int = 0
    metrics: tuple[MetricChange, ...] = ()
    more_metrics: int = 0
    data: tuple[DataComparison, ...] = ()
    notes: tuple[str, ...] = ()
    more_notes: int = 0

    @property
    def equal(self) -> bool:
        """Whether nothing that was compared is different."""
        return all(subject.equal for subject in self.subjects) and not self.divergences
