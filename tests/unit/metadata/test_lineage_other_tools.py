"""A store that MLMD's own client made, with the types of KFP's own MLMD, and nothing of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.lineage.queries import impact, trace
from kfp_provenance.lineage.references import find
from kfp_provenance.metadata import LineageIndex, open_index, open_recorder
from kfp_provenance.metadata.graph import EdgeRow, Selection, StepRow
from support.interop import absent
from support.lineage_front import served
from support.steps import ENVIRONMENT, digest, step

try:
    from ml_metadata import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as pb
except ImportError:
    absent("ML Metadata is not installed; it has wheels up to Python 3.11")

_STATE = {
    "done": pb.Execution.COMPLETE,
    "cached": pb.Execution.CACHED,
    "runs": pb.Execution.RUNNING,
}
IN, OUT = pb.Event.INPUT, pb.Event.OUTPUT


class Kfp:
    """Writes what KFP's driver and launcher write: contexts, executions, events with paths."""

    def __init__(self, uri: str) -> None:
        host, port = uri.removeprefix("grpc://").split(":")
        self._store = metadata_store.MetadataStore(
            pb.MetadataStoreClientConfig(host=host, port=int(port))
        )
        put = {"Artifact": self._store.put_artifact_type, "Context": self._store.put_context_type,
               "Execution": self._store.put_execution_type}  # fmt: skip
        self._types = {
            f"system.{name}": put[kind](getattr(pb, f"{kind}Type")(name=f"system.{name}"))
            for kind, names in (
                ("Artifact", "Artifact Dataset Model Metrics"),
                ("Execution", "ContainerExecution DAGExecution ImporterExecution"),
                ("Context", "Pipeline PipelineRun"),
            )
            for name in names.split()
        }

    def artifact(self, kind: str, uri: str) -> int:
        node = pb.Artifact(type_id=self._types[kind], uri=uri, state=pb.Artifact.LIVE)
        node.custom_properties["display_name"].string_value = uri.rpartition("/")[2]
        node.custom_properties["accuracy"].double_value = 0.25
        return int(self._store.put_artifacts([node])[0])

    def execution(
        self, kind: str, run: str, task: str, state: str, *touched: tuple[int, str, int]
    ) -> int:
        """``touched``: kind of event, name of the input or output, row."""
        node = pb.Execution(type_id=self._types[kind], last_known_state=_STATE[state])
        node.name = f"{run}/{task}"
        for name, text in (("task_name", task), ("display_name", "shown"), ("namespace", "team")):
            node.custom_properties[name].string_value = text
        node.custom_properties["inputs"].struct_value["rate"] = 0.5
        node.custom_properties["parent_dag_id"].int_value = 1
        contexts = [
            pb.Context(type_id=self._types["system.Pipeline"], name="churn"),
            pb.Context(type_id=self._types["system.PipelineRun"], name=run),
        ]
        edges = []
        for event, name, row in touched:
            path = pb.Event.Path()
            path.steps.add().key = name
            path.steps.add().index = 0
            edges.append((0, None, pb.Event(type=event, artifact_id=row, path=path)))
        ids, _, _ = self._store.put_lineage_subgraph(
            [node], [], contexts, edges, reuse_context_if_already_exist=True
        )
        return int(ids[0])


@dataclass(frozen=True)
class Told:
    """Rows of a story: a run, and a second one in which training came from the cache."""

    data: int
    model: int
    metrics: int
    imported: int
    train: int
    cached: int
    evaluate: int
    by_sql: LineageIndex
    by_api: LineageIndex
    server: str

    @property
    def indexes(self) -> tuple[LineageIndex, LineageIndex]:
        return (self.by_sql, self.by_api)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    path: Path = tmp_path_factory.mktemp("kfp") / "kfp.db"
    with ExitStack() as opened:
        server = opened.enter_context(served(f"sqlite:{path}", prepared=False))
        kfp = Kfp(server)
        data = kfp.artifact("system.Dataset", "gs://b/data")
        model = kfp.artifact("system.Model", "gs://b/model")
        metrics = kfp.artifact("system.Metrics", "gs://b/metrics")
        container = "system.ContainerExecution"
        kfp.execution("system.DAGExecution", "run-1", "dag", "done")
        imported = kfp.execution("system.ImporterExecution", "run-1", "raw", "done",
                                 (OUT, "artifact", data))  # fmt: skip
        train = kfp.execution(container, "run-1", "train", "done",
                              (IN, "data", data), (OUT, "model", model))  # fmt: skip
        cached = kfp.execution(container, "run-2", "train", "cached",
                               (IN, "data", data), (OUT, "model", model))  # fmt: skip
        evaluate = kfp.execution(container, "run-2", "evaluate", "runs",
                                 (IN, "model", model), (OUT, "metrics", metrics))  # fmt: skip
        by_sql, by_api = (
            opened.enter_context(closing(open_index(uri))) for uri in (f"sqlite:{path}", server)
        )
        yield Told(data, model, metrics, imported, train, cached, evaluate, by_sql, by_api, server)


def test_what_ran_is_where_a_model_came_from(told: Told) -> None:
    for index in told.indexes:
        assert index.upstream([told.model]) == (told.imported, told.train)
        assert index.upstream([told.metrics]) == (told.imported, told.train, told.evaluate)
        assert index.downstream([told.data]) == (told.train, told.cached, told.evaluate)
        assert index.outputs([told.train, told.cached]) == (told.model,)
        assert index.outputs([told.cached]) == ()  # it made nothing


def test_rows_in_short(told: Told) -> None:
    for index in told.indexes:
        first, last = index.steps([told.train, told.evaluate])
        assert first == StepRow(
            id=told.train, step="", run="run-1", task="train", pipeline="churn", namespace="team",
            component="system.ContainerExecution", outcome="SUCCEEDED",
            started=first.started, finished=first.finished,
        )  # fmt: skip
        assert first.finished is not None
        assert (last.run, last.task, last.outcome, last.finished) == (
            "run-2", "evaluate", "RUNNING", None,
        )  # fmt: skip
        (row,) = index.artifacts([told.model])
        assert (row.digest, row.uri, row.type, row.kind, row.size, row.metadata) == (
            None, "gs://b/model", "system.Model", "", None, "",
        )  # fmt: skip
        assert row.key == f"artifact:{told.model}"
        assert index.keys([told.model]) == (row.key,)
        assert index.edges([told.evaluate]) == (
            EdgeRow(told.evaluate, told.model, output=False, name="model", index=0),
            EdgeRow(told.evaluate, told.metrics, output=True, name="metrics", index=0),
        )


def test_lists(told: Told) -> None:
    for index in told.indexes:
        assert [run for _, run in index.list_runs(Selection())] == ["run-2", "run-1"]
        assert index.list_steps(Selection(pipeline="churn"), limit=2) == (
            told.evaluate, told.cached,
        )  # fmt: skip
        assert index.list_artifacts(Selection(type="system.Model")) == (told.model,)
        assert index.list_artifacts(Selection(namespace="team", type="system.Dataset")) == (
            told.data,
        )
        assert index.steps_of_run("run-2") == (told.cached, told.evaluate)
        assert index.types() == ("system.Dataset", "system.Metrics", "system.Model")
        assert index.pipelines() == ("churn",)
        assert index.rows_at("gs://b/model") == (told.model,)


def test_nothing_of_ours_is_there(told: Told) -> None:
    for index in told.indexes:
        assert index.records([told.train, told.cached]) == ()
        assert index.environment(ENVIRONMENT.digest) is None
        assert index.rows_with_digest(digest("x")) == ()
        assert index.digests_beginning("sha256:0", 9) == ()
        assert index.steps_of_component("churn.train") == ()


def test_trace_and_impact(told: Told) -> None:
    for index in told.indexes:
        rows = find(index, "run-2/evaluate/metrics").rows
        graph = trace(index, rows)
        assert [(one.run, one.task) for one in graph.steps] == [
            ("run-1", "raw"), ("run-1", "train"), ("run-2", "evaluate"),
        ]  # fmt: skip
        assert [node.name for node in graph.artifacts] == ["artifact", "model", "metrics"]
        found = impact(index, find(index, "gs://b/data").rows)
        assert (found.steps, found.runs, found.artifacts) == (3, 2, 2)
        assert [node.rows for node in found.models] == [(told.model,)]
        with pytest.raises(StoreError) as raised:
            find(index, "gs://b/DATA")
        assert raised.value.code is Code.REFERENCE_UNKNOWN


def test_what_is_recorded_later_is_read_by_those_who_are_open(told: Told) -> None:
    """The types of our rows are not there when the store is opened."""
    one = step("run-2", "sign", pipeline="churn")
    with closing(open_recorder(told.server)) as recorder:
        recorder.record(one, ENVIRONMENT)
    for index in told.indexes:
        *_, row = index.steps_of_run("run-2")  # KFP's run and ours of one id
        assert index.records(index.steps_of_run("run-2")) == (one,)
        assert index.environment(ENVIRONMENT.digest) == ENVIRONMENT
        assert index.steps([row])[0].task == "sign"
        assert index.list_steps(Selection(pipeline="churn"), limit=1) == (row,)
        assert [run for _, run in index.list_runs(Selection())] == ["run-2", "run-2", "run-1"]
