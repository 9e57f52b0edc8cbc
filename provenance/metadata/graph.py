"""The graph of a store, as rows: what lineage asks of it, and what it answers.

A store holds executions (*steps*), artifacts, and events that bind them. Steps follow one
another in two ways:

- **by the row**: a step read the very row that another one wrote. A row that several
  executions say to have written was made by the one that ran, not by those that KFP took
  from its cache.
- **by digest**: a step read a row that nobody wrote (a source, an importer, another
  pipeline's output), and another step had written the same bytes before. If steps of the
  reader's own run did, they are the ones; else all of them are, for equal bytes have no
  single origin.

Both directions of :class:`LineageIndex` follow the same rule, so that a model is in the
impact of a data set exactly if the data set is in the trace of the model. Only where somebody
has removed the event that says who wrote an output of ours, SQL may find less downstream.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from kfp_provenance.facts import Digest, Environment, Step

OUTPUT_EVENTS: Final = (1, 4, 6)
"""``DECLARED_OUTPUT``, ``OUTPUT`` and ``INTERNAL_OUTPUT`` of MLMD's ``Event.Type``."""
INPUT_EVENTS: Final = (2, 3, 5)
"""``DECLARED_INPUT``, ``INPUT`` and ``INTERNAL_INPUT``."""
CACHED_STATE: Final = 5
"""``CACHED`` of MLMD's ``Execution.State``: nothing ran."""


@dataclass(frozen=True)
class ArtifactRow:
    """One row of an artifact; several rows may have equal bytes.

    Attributes:
        id: Of the row.
        digest: Of its bytes; None in rows of other tools, which have none.
        uri: Where the bytes are.
        type: Schema title, for example ``system.Model``.
        kind: ``file``, ``directory`` or ``values``; empty for rows of other tools.
        size: Bytes; None if unknown.
        version: Version of the object (GCS generation), if known.
        metadata: Canonical JSON of what its task wrote into its metadata; may be empty.
        created: When the row was made, UTC.
    """

    id: int
    digest: Digest | None
    uri: str
    type: str
    kind: str
    size: int | None
    version: str
    metadata: str
    created: datetime

    @property
    def key(self) -> str:
        """Identity in a graph: content where it is known, else the row."""
        return str(self.digest) if self.digest else f"artifact:{self.id}"


@dataclass(frozen=True)
class StepRow:
    """One execution, in short.

    Attributes:
        id: Of the row.
        step: Id of the step; empty for executions of other tools.
        run: Id of the run; empty if unknown, like all texts below.
        task: Path of the task in the run.
        pipeline: Name of the pipeline.
        namespace: Kubernetes namespace.
        component: Dotted name, or MLMD type of executions of other tools.
        outcome: ``SUCCEEDED``, ``FAILED``, or what another tool left in MLMD's state.
        started: UTC; None if unknown.
        finished: UTC; None if unknown.
    """

    id: int
    step: str
    run: str
    task: str
    pipeline: str
    namespace: str
    component: str
    outcome: str
    started: datetime | None
    finished: datetime | None

    @property
    def key(self) -> str:
        """Identity in a graph."""
        return f"step:{self.id}"


@dataclass(frozen=True)
class EdgeRow:
    """One event: which step read or wrote which row, under which name."""

    step: int
    artifact: int
    output: bool
    name: str
    index: int


@dataclass(frozen=True)
class Summary:
    """What some steps stand for.

    Attributes:
        runs: Number of their runs.
        artifacts: Number of different contents that they wrote.
        of_type: Key and rows of each content of the type that was asked for; the one that
            was first made last comes first.
    """

    runs: int
    artifacts: int
    of_type: tuple[tuple[str, tuple[int, ...]], ...] = ()


@dataclass(frozen=True)
class Selection:
    """What a listing is narrowed to; empty fields narrow nothing.

    Attributes:
        type: Schema title of artifacts, exactly, for example ``system.Model``.
        pipeline: Name of a pipeline, exactly.
        namespace: Namespace, exactly.
        since: Artifacts made, or steps finished, at this time or later.
        until: Likewise, before this time.
    """

    type: str = ""
    pipeline: str = ""
    namespace: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def matches_step(self, step: StepRow) -> bool:
        """Whether a step is selected; one without a time is outside every limit of time."""
        return (
            self.pipeline in ("", step.pipeline)
            and self.namespace in ("", step.namespace)
            and self.covers(step.finished)
        )

    def covers(self, moment: datetime | None) -> bool:
        """Whether a time is within the limits."""
        if moment is None:
            return self.since is None and self.until is None
        return (self.since is None or self.since <= moment) and (
            self.until is None or moment < self.until
        )


class LineageIndex(Protocol):
    """Answers about a whole store. Row ids have a meaning only within one index."""

    where: str
    """URI of the store, without secrets."""

    def rows_with_digest(self, digest: Digest) -> tuple[int, ...]:
        """Artifact rows with these bytes, oldest first."""

    def digests_beginning(self, text: str, limit: int) -> tuple[Digest, ...]:
        """Digests in the store that begin with ``sha256:<some hex digits>``, sorted."""

    def rows_at(self, uri: str) -> tuple[int, ...]:
        """Artifact rows with exactly this URI, oldest first."""

    def steps_of_run(self, run: str) -> tuple[int, ...]:
        """Steps of a run, oldest first; empty if there are none."""

    def upstream(self, artifacts: Collection[int]) -> tuple[int, ...]:
        """All steps that the rows came from, sorted; see the module."""

    def downstream(self, artifacts: Collection[int]) -> tuple[int, ...]:
        """All steps that used the rows or what was made of them, sorted; see the module.

        A step that read other rows of equal bytes used them too.
        """

    def outputs(self, steps: Sequence[int], type_title: str = "") -> tuple[int, ...]:
        """Artifact rows that the steps wrote, of one type if it is given; sorted."""

    def keys(self, artifacts: Sequence[int]) -> tuple[str, ...]:
        """Key of each row (see :class:`ArtifactRow`), in the order of the rows."""

    def summary(self, steps: Sequence[int], type_title: str = "") -> Summary:
        """How many runs and contents the steps stand for, and which are of a type."""

    def steps_of_component(
        self, component: str, among: Sequence[int] | None = None
    ) -> tuple[int, ...]:
        """Steps of one component, by its exact name, of the store or ``among`` some; sorted."""

    def edges(self, steps: Sequence[int]) -> tuple[EdgeRow, ...]:
        """All events of the steps, ordered by step, inputs first, name and position."""

    def edges_of_artifacts(
        self, ids: Sequence[int], *, output: bool, limit: int | None = None
    ) -> tuple[tuple[EdgeRow, ...], int]:
        """Who wrote (or else read) the rows, newest steps first, and how many that are.

        Only the first ``limit`` events are given, if there is one.
        """

    def artifacts(self, ids: Sequence[int]) -> tuple[ArtifactRow, ...]:
        """The rows, in the order of ``ids``; those that are not there are left out."""

    def steps(self, ids: Sequence[int]) -> tuple[StepRow, ...]:
        """The steps in short, in the order of ``ids``."""

    def records(self, ids: Sequence[int]) -> tuple[Step, ...]:
        """The whole step records, in the order of ``ids``; other tools' are left out.

        Raises:
            StoreError: STORE_CORRUPT if the rows of one are not what a recorder writes.
        """

    def environment(self, digest: Digest) -> Environment | None:
        """The Python environment with its list of packages, or None."""

    def list_steps(
        self, selection: Selection, *, before: int | None = None, limit: int = 100
    ) -> tuple[int, ...]:
        """A page of steps, newest row first: those with ids below ``before``."""

    def list_artifacts(
        self, selection: Selection, *, before: int | None = None, limit: int = 100
    ) -> tuple[int, ...]:
        """A page of artifact rows, newest first: those with ids below ``before``."""

    def list_runs(
        self, selection: Selection, *, before: int | None = None, limit: int = 100
    ) -> tuple[tuple[int, str], ...]:
        """A page of runs, newest first: their row (of the context) and id."""

    def types(self) -> tuple[str, ...]:
        """Schema titles of artifacts in the store, sorted."""

    def pipelines(self) -> tuple[str, ...]:
        """Names of pipelines in the store, sorted."""

    def close(self) -> None:
        """Release the connection."""
