"""``Lineage``: the questions of analysts, answered with pandas frames."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

import pandas as pd

from kfp_provenance.analysis import tables
from kfp_provenance.analysis.deployments import Deployment
from kfp_provenance.lineage import queries
from kfp_provenance.lineage.references import find
from kfp_provenance.lineage.views import Graph, Impact
from kfp_provenance.metadata import LineageIndex, open_index
from kfp_provenance.metadata.graph import Selection
from kfp_provenance.settings import store_setting

LIMIT = 10_000


class IncompleteWarning(UserWarning):
    """A frame was cut at its limit; ``frame.attrs["more"]`` says by how much, or None."""


class Lineage:
    """A store, asked by analysts; read only.

    Every frame has the same typed columns whether it has rows or not. A frame that its
    ``limit`` cuts says so by an :class:`IncompleteWarning` and in ``frame.attrs["more"]``
    (rows left out; None if only that there are some is known).

    Example:
        >>> with Lineage.open("sqlite:demo/metadata.db") as lineage:
        ...     lineage.trace("demo/model.skops")

    Args:
        index: Where the answers come from; see :meth:`open`.
    """

    def __init__(self, index: LineageIndex) -> None:
        self.index = index

    @classmethod
    def open(cls, uri: str = "") -> Self:
        """Open a store.

        Args:
            uri: ``sqlite:PATH``, ``mysql://USER@HOST:PORT/DATABASE`` or
                ``grpc://HOST:PORT``; empty takes the one of the command line
                (``KPROV_STORE``, ``kprov.toml``, ``sqlite:.kprov/metadata.db``).

        Raises:
            StoreError: If it cannot be opened.
            SettingsError: If a setting cannot be read.
        """
        return cls(open_index(store_setting(uri)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the connection."""
        self.index.close()

    def runs(
        self,
        *,
        pipeline: str = "",
        namespace: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = LIMIT,
    ) -> pd.DataFrame:
        """Runs, newest first: their pipeline, number of steps and of failures, and times."""
        selection = Selection("", pipeline, namespace, since, until)
        found = self.index.list_runs(selection, limit=limit + 1)
        return _cut(tables.runs(self.index, [run for _, run in found[:limit]]),
                    None if len(found) > limit else 0)  # fmt: skip

    def steps(
        self,
        run: str = "",
        *,
        pipeline: str = "",
        namespace: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        parameters: bool = False,
        limit: int = LIMIT,
    ) -> pd.DataFrame:
        """Steps: those of a run in order, or else the newest first.

        Args:
            run: Id of a run; the other conditions hold as well.
            pipeline: Name of a pipeline.
            namespace: Kubernetes namespace.
            since: Steps that ended at this time or later.
            until: Steps that ended before this time.
            parameters: Adds a column ``parameter.<name>`` for each parameter, as JSON text;
                that of a secret one is its keyed digest.
            limit: Rows.
        """
        selection = Selection("", pipeline, namespace, since, until)
        if run:
            steps = self.index.steps(self.index.steps_of_run(run))
            ids = [step.id for step in steps if selection.matches_step(step)]
            more: int | None = max(0, len(ids) - limit)
        else:
            ids = list(self.index.list_steps(selection, limit=limit + 1))
            more = None if len(ids) > limit else 0
        return _cut(tables.steps(self.index, ids[:limit], parameters=parameters), more)

    def artifacts(
        self,
        *,
        type: str = "",  # noqa: A002 - as the column is called
        pipeline: str = "",
        namespace: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = LIMIT,
    ) -> pd.DataFrame:
        """Artifacts, newest first: a row for each place where a step wrote or read one.

        Args:
            type: Schema title, for example ``system.Model``.
            pipeline: Pipeline whose steps wrote them.
            namespace: Namespace whose steps wrote them.
            since: Those recorded at this time or later.
            until: Those recorded before this time.
            limit: Rows.
        """
        selection = Selection(type, pipeline, namespace, since, until)
        ids = self.index.list_artifacts(selection, limit=limit + 1)
        return _cut(tables.artifacts(self.index, ids[:limit]), None if len(ids) > limit else 0)

    def values(self, run: str = "", *, pipeline: str = "", limit: int = LIMIT) -> pd.DataFrame:
        """Metrics and output parameters of steps, a row each: numbers as numbers.

        Args:
            run: Id of a run; empty for the newest steps of all.
            pipeline: Name of a pipeline.
            limit: Steps that are read.
        """
        selection = Selection(pipeline=pipeline)
        if run:
            ids: Sequence[int] = self.index.steps_of_run(run)
        else:
            ids = self.index.list_steps(selection, limit=limit + 1)
        frame = tables.values(self.index, ids[:limit])
        return _cut(frame, None if len(ids) > limit else 0)

    def trace(
        self,
        reference: str,
        *,
        type: str = "",  # noqa: A002
        pipeline: str = "",
        namespace: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = LIMIT,
    ) -> pd.DataFrame:
        """Everything that an artifact came from, nearest first.

        A row for each content and step that wrote it; roots, which nobody wrote, have no
        step. ``distance`` counts the steps from the artifact that was asked about.

        Args:
            reference: See :func:`~kfp_provenance.lineage.references.find`.
            type: Artifacts of this schema title only.
            pipeline: Steps of this pipeline only.
            namespace: Steps of this namespace only.
            since: Steps that ended at this time or later.
            until: Steps that ended before this time.
            limit: Steps.

        Raises:
            StoreError: REFERENCE_UNKNOWN, REFERENCE_AMBIGUOUS, or if the store cannot be read.
        """
        selection = Selection(type, pipeline, namespace, since, until)
        rows = find(self.index, reference).rows
        graph = queries.trace(self.index, rows, selection=selection, limit=limit)
        return _cut(tables.trace(graph), graph.more_steps)

    def impact(
        self,
        reference: str,
        *,
        type: str = "",  # noqa: A002
        pipeline: str = "",
        namespace: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        deployments: Iterable[Deployment] = (),
        limit: int = LIMIT,
    ) -> pd.DataFrame:
        """Models (or artifacts of another ``type``) that an artifact had an effect on.

        ``published`` names what the model was published as, ``serving`` whether that name
        still stands for it. ``frame.attrs`` has the numbers of ``steps``, ``runs`` and
        ``artifacts`` that were touched in all.

        Args:
            reference: See :func:`~kfp_provenance.lineage.references.find`.
            type: Schema title of what is listed; models if empty.
            pipeline: Steps of this pipeline only.
            namespace: Steps of this namespace only.
            since: Steps that ended at this time or later.
            until: Steps that ended before this time.
            deployments: What serves where; see
                :func:`~kfp_provenance.analysis.deployments.read_deployments`.
            limit: Rows.

        Raises:
            StoreError: As :meth:`trace`.
        """
        selection = Selection(type, pipeline, namespace, since, until)
        rows = find(self.index, reference).rows
        found = queries.impact(self.index, rows, selection=selection, limit=limit)
        frame = _cut(tables.impact(self.index, found, list(deployments)), found.more_models)
        frame.attrs |= {"steps": found.steps, "runs": found.runs, "artifacts": found.artifacts}
        return frame

    def between(self, reference: str, target: str, *, limit: int = LIMIT) -> pd.DataFrame:
        """What lies on every way from one artifact to another; columns as of :meth:`trace`.

        Raises:
            StoreError: As :meth:`trace`.
        """
        start, end = find(self.index, reference).rows, find(self.index, target).rows
        graph = queries.between(self.index, start, end, limit=limit)
        return _cut(tables.trace(graph, [self.index.artifacts(end)[0].key]), graph.more_steps)

    def diff(
        self,
        before: str,
        after: str,
        *,
        key: Sequence[str] = (),
        label: str = "",
        read_data: bool = True,
    ) -> pd.DataFrame:
        """Why an artifact, or the models of a run, differ: causes, the likeliest first.

        ``score`` is a documented heuristic from 0 to 1 and no proof of causation; ``why``
        says how it came about. ``frame.attrs["diff"]`` has the whole comparison: where the
        chains part, consequences, metrics, tables, notes.

        Args:
            before: What is the measure: a run, or a reference as of :meth:`trace`.
            after: What is in question, named likewise.
            key: Columns that name a row of the tables; else what the data set says itself.
            label: Column of the label, if nothing recorded says it.
            read_data: Whether to read the tables again where they are, if their bytes are
                still the recorded ones. Else only what is recorded is compared.

        Raises:
            StoreError: As :meth:`trace`.
        """
        from kfp_provenance.analysis.diff import (  # noqa: PLC0415 - loads scipy
            Settings,
            StoredData,
            diff,
            find_either,
        )

        sides = find_either(self.index, before), find_either(self.index, after)
        settings = Settings(key=tuple(key), labels=(label,) if label else ())
        data = StoredData() if read_data else None
        found = diff(self.index, *sides, data=data, settings=settings)
        frame = _cut(tables.causes(found), found.more_causes)
        frame.attrs["diff"] = found
        return frame

    def graph(self, reference: str, *, limit: int = queries.LIMIT) -> Graph:
        """The trace as nodes and links, for pictures.

        Raises:
            StoreError: As :meth:`trace`.
        """
        return queries.trace(self.index, find(self.index, reference).rows, limit=limit)

    def summary(self, reference: str, *, limit: int = queries.LIMIT) -> Impact:
        """The impact as plain data.

        Raises:
            StoreError: As :meth:`trace`.
        """
        return queries.impact(self.index, find(self.index, reference).rows, limit=limit)


def _cut(frame: pd.DataFrame, more: int | None) -> pd.DataFrame:
    """Say that rows were left out: ``more`` of them, or None if only that is known."""
    frame.attrs["more"] = more
    if more != 0:
        count = "more rows" if more is None else f"{more} more steps or rows"
        warnings.warn(
            f"{count} than the limit: raise limit= to see them",
            IncompleteWarning, stacklevel=3,
        )  # fmt: skip
    return frame
