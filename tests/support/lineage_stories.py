"""Small stories of steps, told to a new store and read by SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from kfp_provenance.facts import (
    Artifact,
    ComponentReference,
    Input,
    InputOrigin,
    Outcome,
    Output,
    Step,
    StepFailure,
)
from kfp_provenance.lineage.publications import PUBLISHER
from kfp_provenance.lineage.references import find
from kfp_provenance.lineage.views import Graph
from kfp_provenance.metadata import LineageIndex, open_index, open_recorder
from support.steps import ENVIRONMENT, START, artifact, digest, step

TYPES = {"model": "system.Model", "metrics": "system.Metrics"}
Read = tuple[Step, str] | Artifact
"""An output of a step, or what came from outside."""


@dataclass
class Story:
    """Steps in the order in which they ended, a minute each."""

    steps: list[Step] = field(default_factory=list)

    def step(
        self, run: str, task: str, reads: Sequence[Read] = (), writes: Mapping[str, str] | str = "",
        *, at: str = "", **changes: Any,
    ) -> Step:  # fmt: skip
        """Tell a step.

        Args:
            run: Its run.
            task: Its task; ids of attempts must differ.
            reads: Its inputs ``in``, one after the other.
            writes: Contents by name of the output; or names, each with a content of its own.
            at: Place of its outputs; by default one that nothing else has.
            changes: Facts of the step.
        """
        now = START + timedelta(minutes=len(self.steps))
        if isinstance(writes, str):
            writes = {name: f"{run}/{task}/{name}" for name in writes.split()}
        place = at or f"/{run}/{task}/{len(self.steps)}"
        facts: dict[str, Any] = {
            "id": f"{run}/{task}/{len(self.steps)}",
            "started": now,
            "finished": now + timedelta(minutes=1),
            "inputs": tuple(_input(place, read) for place, read in enumerate(reads)),
            "outputs": tuple(
                Output(name, 0, content(text, f"{place}/{name}", name))
                for name, text in writes.items()
            ),
        }
        self.steps.append(step(run, task, **{**facts, **changes}))
        return self.steps[-1]

    def publish(
        self, run: str, model: Read, pointer: str, *, receipt: object = None, failed: bool = False
    ) -> Step:
        """A step of the component ``publish``, with what it writes into its receipt."""
        said = receipt or {"pointer": pointer, "name": "churn", "model": f"{pointer}/../m"}
        done = artifact(f"{run}/receipt/{len(self.steps)}", metadata=json.dumps(said))
        return self.step(
            run, "publish",
            inputs=(_named("bundle", artifact(f"{run}/bundle")), _named("model", model)),
            outputs=(Output("receipt", 0, done),),
            component=ComponentReference(PUBLISHER, "1", digest("s"), "i"),
            outcome=Outcome.FAILED if failed else Outcome.SUCCEEDED,
            failure=StepFailure("ValueError", "no") if failed else None,
        )  # fmt: skip

    @contextmanager
    def told(self, folder: Path) -> Iterator[LineageIndex]:
        """Record it in a new store, and open that."""
        uri = f"sqlite:{folder / 'story.db'}"
        with closing(open_recorder(uri)) as recorder:
            for one in self.steps:
                recorder.record(one, ENVIRONMENT)
        with closing(open_index(uri)) as index:
            yield index


def content(text: str, uri: str = "", name: str = "") -> Artifact:
    """The bytes that ``text`` stands for, somewhere."""
    kind = TYPES.get(name, "system.Dataset")
    return artifact(text, uri=uri or f"/outside/{text}", type=kind)


def of(one: Step, name: str) -> str:
    """Digest of an output: a reference to it."""
    return str(next(o.artifact.digest for o in one.outputs if o.name == name))


def rows(index: LineageIndex, reference: str) -> tuple[int, ...]:
    """Rows of what is called so; of what ``text`` stands for if it is no reference."""
    return find(index, reference if ":" in reference else str(digest(reference))).rows


def tasks(graph: Graph) -> list[str]:
    """Its steps as ``run/task``, in their order."""
    return [f"{one.run}/{one.task}" for one in graph.steps]


def names(graph: Graph) -> set[str]:
    return {node.name for node in graph.artifacts}


def _input(place: int, read: Read) -> Input:
    if isinstance(read, Artifact):
        return Input("in", place, read, InputOrigin.IMPORTED)
    producer, name = read
    output = next(o for o in producer.outputs if o.name == name)
    return Input("in", place, output.artifact, InputOrigin.STEP, producer.id, name, output.index)


def _named(name: str, read: Read) -> Input:
    return Input(**{**vars(_input(0, read)), "name": name})
