"""Facts -> rows of MLMD's tables: those that ``MlmdRecorder`` would have written.

What a row says comes from :mod:`kfp_provenance.metadata.encode`, as the recorder's does.
Which rows there are is decided here as the recorder and MLMD decide it: the test beside
this compares every table with what they write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kfp_provenance.facts import Artifact, Digest, Environment, Input, InputOrigin, Step
from kfp_provenance.metadata import encode, schema
from support.large_store.shapes import PlannedRun

_Place = tuple[str, str, int]  # step, output and position in it
_COMPLETE, _FAILED = 3, 4  # ml_metadata's Execution.State
_INPUT, _OUTPUT = 3, 4  # its Event.Type
_NODE = ("id", "type_id", "create_time_since_epoch", "last_update_time_since_epoch")
_PROPERTY = ("name", "is_custom_property", "string_value")
COLUMNS = {
    "Artifact": (*_NODE, "external_id", "uri"),
    "ArtifactProperty": ("artifact_id", *_PROPERTY),
    "Execution": (*_NODE, "name", "last_known_state"),
    "ExecutionProperty": ("execution_id", *_PROPERTY),
    "Context": (*_NODE, "name"),
    "ContextProperty": ("context_id", *_PROPERTY),
    "Association": ("context_id", "execution_id"),
    "Attribution": ("context_id", "artifact_id"),
    "Event": ("id", "artifact_id", "execution_id", "type", "milliseconds_since_epoch"),
    "EventPath": ("event_id", "is_index_step", "step_key"),
}
"""Tables that steps are written to, and those columns of them that are not left empty."""


class Rows:
    """Rows of runs that are added one after the other, into an empty store.

    Args:
        types: Ids of our node types in the store, by name.
        environments: By digest, those that the steps name.
    """

    def __init__(
        self, types: Mapping[str, int], environments: Mapping[Digest, Environment]
    ) -> None:
        self._types = types
        self._environments = environments
        self._tables: dict[str, list[tuple[Any, ...]]] = {name: [] for name in COLUMNS}
        self._ids = dict.fromkeys(("Artifact", "Execution", "Context", "Event"), 0)
        self._contexts: dict[tuple[str, str], int] = {}
        self._sources: dict[str, int] = {}
        self._outputs: dict[_Place, tuple[int, Artifact]] = {}  # of the run that is being added
        self._kept: dict[_Place, tuple[int, Artifact]] = {}

    def add(self, run: PlannedRun) -> None:
        """Add what the recorder writes for the steps of a run, whose inputs and outputs are sorted.

        Raises:
            LookupError: If a step names a producer of another run that was not said to be
                read later: whether its row is there is not known any more.
        """
        for step in run.steps:
            self._add(step)
        if run.is_read_later:
            self._kept.update(self._outputs)
        self._outputs.clear()

    def taken(self) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
        """The rows since the last call, by table."""
        for table, rows in self._tables.items():
            yield table, rows
            self._tables[table] = []

    def _add(self, step: Step) -> None:
        moment = int(step.finished.timestamp() * 1000)
        execution = self._next("Execution")
        state = _COMPLETE if step.failure is None else _FAILED
        self._node("Execution", schema.STEP_TYPE, execution, moment,
                   schema.index_name(step.id), state)  # fmt: skip
        self._properties("Execution", execution, encode.step_properties(step))
        new, events = self._bound(step, moment)
        for (artifact, kind), paths in events.items():
            event = self._next("Event")
            self._tables["Event"].append((event, artifact, execution, kind, moment))
            self._tables["EventPath"] += [(event, 0, path) for path in paths]
        for context in self._contexts_of(step, moment):
            self._tables["Association"].append((context, execution))
            self._tables["Attribution"] += [(context, artifact) for artifact in new]

    def _bound(self, step: Step, moment: int) -> tuple[list[int], dict[tuple[int, int], list[str]]]:
        """Rows that the step made, and paths of its events by artifact and type."""
        first = self._ids["Artifact"] + 1
        events: dict[tuple[int, int], list[str]] = {}
        for item in step.inputs:
            key = (self._input(item, moment), _INPUT)
            events.setdefault(key, []).append(encode.input_path(item))
        for output in step.outputs:
            external_id = encode.output_id(step.id, output.name, output.index)
            artifact = self._artifact(output.artifact, external_id, moment)
            self._outputs[step.id, output.name, output.index] = (artifact, output.artifact)
            events[artifact, _OUTPUT] = [encode.output_path(output)]
        return list(range(first, self._ids["Artifact"] + 1)), events

    def _input(self, item: Input, moment: int) -> int:
        """The producer's row if it says the same of the artifact, else one of its facts."""
        if item.origin is InputOrigin.STEP:
            place = (item.producer, item.output, item.output_index)
            artifact, facts = self._outputs.get(place) or self._kept[place]
            if facts == item.artifact:
                return artifact
        external_id = encode.source_id(item.artifact)
        if external_id not in self._sources:
            self._sources[external_id] = self._artifact(item.artifact, external_id, moment)
        return self._sources[external_id]

    def _artifact(self, facts: Artifact, external_id: str, moment: int) -> int:
        artifact = self._next("Artifact")
        self._node("Artifact", schema.ARTIFACT_TYPE, artifact, moment, external_id, facts.uri)
        self._properties("Artifact", artifact, encode.artifact_properties(facts))
        return artifact

    def _contexts_of(self, step: Step, moment: int) -> list[int]:
        return [
            self._context(schema.RUN_TYPE, step.run, moment),
            self._context(schema.PIPELINE_TYPE, step.pipeline, moment),
            self._context(schema.ENVIRONMENT_TYPE, str(step.environment), moment),
        ]

    def _context(self, type_name: str, text: str, moment: int) -> int:
        key = (type_name, text)
        if key not in self._contexts:
            context = self._contexts[key] = self._next("Context")
            self._node("Context", type_name, context, moment, schema.index_name(text))
            properties = {"id": text}
            if type_name == schema.ENVIRONMENT_TYPE:
                environment = self._environments[Digest.parse(text)]
                properties = encode.environment_properties(environment)
            self._properties("Context", context, properties)
        return self._contexts[key]

    def _next(self, table: str) -> int:
        self._ids[table] += 1
        return self._ids[table]

    def _node(self, table: str, type_name: str, node: int, moment: int, *more: object) -> None:
        self._tables[table].append((node, self._types[type_name], moment, moment, *more))

    def _properties(self, table: str, node: int, properties: dict[str, str]) -> None:
        # sorted, because the primary key is appended to faster than it is inserted into
        self._tables[f"{table}Property"] += [
            (node, name, 0, properties[name]) for name in sorted(properties)
        ]
