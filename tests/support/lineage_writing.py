"""Writes the worlds of ``lineage_worlds``: ours by the recorder, others by MLMD's client."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as pb

from kfp_provenance.facts import Artifact, Input, InputOrigin, Outcome, Output, Step, StepFailure
from kfp_provenance.metadata import Patience, StoreUri, encode, schema
from kfp_provenance.metadata.mlmd_connection import connect_writer
from kfp_provenance.metadata.mlmd_recorder import MlmdRecorder
from support.lineage_worlds import NEW, Other, Own, Touch, Use, World
from support.steps import ENVIRONMENT, START, artifact, digest, step

ARTIFACT_TYPES = ("system.Dataset", "system.Model", "tool.Thing")
EXECUTION_TYPES = ("system.ContainerExecution", "system.DAGExecution", "tool.Job", "Train")
PIPELINE_TYPES = ("system.Pipeline", "system.PipelineRun")
DECOYS = ("tool.subpipeline", "tool.dryrun")
"""Types whose names end like those of pipelines and runs, in other letters."""
_DECLARED = dict.fromkeys(("digest", "type", "component"), pb.STRING)


@dataclass
class Written:
    """What became of a world."""

    tag: str
    steps: dict[int, Step] = field(default_factory=dict)
    outputs: list[tuple[Step, Output]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def run(self, number: int) -> str:
        """Runs differ in letter case and in a blank at the end, and in nothing else."""
        return f"{self.tag}-{('run', 'Run', 'run ')[number]}"

    def pipeline(self, number: int) -> str:
        return f"{self.tag}-{('churn', 'Churn', 'chürn 流失')[number]}"

    def namespace(self, number: int) -> str:
        return f"{self.tag}-{('team', 'team', 'Téam')[number]}"

    def content(self, number: int) -> str:
        return f"{self.tag}/content-{number}"


class Writer:
    """Writes to one store."""

    def __init__(self, uri: str) -> None:
        self.connection = connect_writer(StoreUri.parse(uri), Patience())
        self._recorder = MlmdRecorder(self.connection)
        self._types = self._put_types()

    def record(self, one: Step) -> int:
        """Record a step; its row."""
        self._recorder.record(one, ENVIRONMENT)
        name = schema.index_name(one.id)
        node = self.connection.call("get_execution_by_type_and_name", schema.STEP_TYPE, name)
        return int(node.id)

    def write(self, world: World, tag: str) -> Written:
        """Write a world under names and contents that no other has."""
        done = Written(tag)
        for number, entry in enumerate(world):
            if isinstance(entry, Own):
                one = encode.canonical(_step(entry, number, done))
                row = self.record(one)
                done.steps[row] = one
                done.outputs += [(one, output) for output in one.outputs]
            else:
                row = self._put_other(entry, number, done)
            events = self.connection.call("get_events_by_execution_ids", [row])
            done.rows += sorted({event.artifact_id for event in events} - set(done.rows))
        return done

    def put(self, execution: Any, artifacts: list[Any], contexts: list[Any], edges: Any) -> int:
        """One execution of another tool, with what it touched."""
        (row, *_), _, _ = self.connection.call(
            "put_lineage_subgraph", [execution], artifacts, contexts, edges,
            reuse_context_if_already_exist=True,
        )  # fmt: skip
        return int(row)

    def type(self, name: str) -> int:
        """Id of one of the types above."""
        return self._types[name]

    def close(self) -> None:
        self._recorder.close()

    def _put_types(self) -> dict[str, int]:
        call = self.connection.call
        found = {
            name: call("put_artifact_type", pb.ArtifactType(name=name, properties=_DECLARED))
            for name in ARTIFACT_TYPES
        }
        for name in EXECUTION_TYPES:
            found[name] = call("put_execution_type", pb.ExecutionType(name=name))
        for name in (*PIPELINE_TYPES, *DECOYS):
            found[name] = call("put_context_type", pb.ContextType(name=name))
        return found

    def _put_other(self, entry: Other, number: int, done: Written) -> int:
        execution = pb.Execution(
            type_id=self.type(EXECUTION_TYPES[entry.type]), last_known_state=entry.state
        )
        if entry.names & 1:
            execution.custom_properties["task_name"].string_value = f"task-{number}"
            execution.custom_properties["namespace"].string_value = done.namespace(entry.names % 3)
        if entry.names & 2:
            execution.name = f"{done.tag}-{number}"
            execution.custom_properties["display_name"].string_value = f"shown-{number}"
            # of the name of a field of ours, but of another kind of execution
            execution.custom_properties["pipeline"].string_value = done.pipeline(0)
        made: list[Any] = []
        edges = [self._event(touch, made, done) for touch in _distinct(entry.touches, done.rows)]
        return self.put(execution, made, self._contexts(entry.run, done), edges)

    def _contexts(self, run: int | None, done: Written) -> list[Any]:
        if run is None:
            return [pb.Context(type_id=self.type(t), name=done.run(0)) for t in DECOYS]
        names = (done.pipeline(run), done.run(run))
        found = [
            pb.Context(type_id=self.type(kind), name=name)
            for kind, name in zip(PIPELINE_TYPES, names, strict=True)
        ]
        found[1].custom_properties["id"].string_value = "not the name of the run"
        return found

    def _event(self, touch: Touch, made: list[Any], done: Written) -> tuple[int, int | None, Any]:
        event = pb.Event(type=touch.kind, milliseconds_since_epoch=_milliseconds(touch.moment))
        for part in touch.path:
            if isinstance(part, str):
                event.path.steps.add().key = part
            else:
                event.path.steps.add().index = part
        if touch.of != NEW:
            event.artifact_id = done.rows[touch.of]
            return (0, None, event)
        node = pb.Artifact(
            type_id=self.type(ARTIFACT_TYPES[touch.type]), uri=f"/{done.content(touch.content)}"
        )
        _say(node, touch, done)
        made.append(node)
        return (0, len(made) - 1, event)


def _distinct(touches: tuple[Touch, ...], rows: list[int]) -> list[Touch]:
    """MLMD has one event of a kind between an execution and a row."""
    found: dict[object, Touch] = {}
    for number, touch in enumerate(touches):
        of = NEW if touch.of == NEW or not rows else touch.of % len(rows)
        place = (of, touch.kind) if of != NEW else number
        found.setdefault(place, replace(touch, of=of))
    return list(found.values())


def _say(node: Any, touch: Touch, done: Written) -> None:
    right = str(digest(done.content(touch.content)))
    wrong = {"wrong": f"md5:{right[7:39]}", "upper": f"sha256:{right[7:].upper()}"}
    if touch.says in ("declared", "both"):
        node.properties["digest"].string_value = right
        node.properties["type"].string_value = "system.Lie"  # a property of ours, not of theirs
    if touch.says == "both":
        right = str(digest(done.content(0)))
    if touch.says in ("custom", "both", *wrong):
        node.custom_properties["digest"].string_value = wrong.get(touch.says, right)


def _step(entry: Own, number: int, done: Written) -> Step:
    failure = StepFailure("ValueError", "no") if entry.failed else None
    return step(
        done.run(entry.run),
        f"task-{number}",
        id=f"{done.tag}/{number}",
        pipeline=done.pipeline(entry.run),
        namespace=done.namespace(entry.run),
        started=START + timedelta(seconds=entry.moment - 1),
        finished=START + timedelta(seconds=entry.moment),
        inputs=tuple(_input(use, place, done) for place, use in enumerate(entry.uses)),
        outputs=tuple(
            Output("out", index, _content(done, content, f"{number}/{index}"))
            for index, content in enumerate(entry.writes)
        ),
        outcome=Outcome.FAILED if entry.failed else Outcome.SUCCEEDED,
        failure=failure,
    )


def _input(use: Use, place: int, done: Written) -> Input:
    if use.how in ("bound", "changed") and done.outputs:
        producer, output = done.outputs[use.of % len(done.outputs)]
        what = output.artifact
        if use.how == "changed":
            what = replace(what, digest=digest(done.content(use.content)))
        return Input("in", place, what, InputOrigin.STEP, producer.id, output.name, output.index)
    origin = InputOrigin.SOURCE if use.how == "source" else InputOrigin.IMPORTED
    return Input("in", place, _content(done, use.content, f"shared/{use.place}"), origin)


def _content(done: Written, number: int, place: str) -> Artifact:
    kind = ("system.Dataset", "system.Model", "system.Artifact", "custom.Thing")[number]
    text = done.content(number)
    return artifact(text, uri=f"/{done.tag}/{place}/{number}", type=kind)


def _milliseconds(moment: int) -> int:
    return int((START.timestamp() + moment) * 1000)
