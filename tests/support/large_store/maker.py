"""Makes the steps of one run, as the runtime would have recorded them in a cluster.

Nothing is random: ids, digests, sizes and durations come from SHA-256 of names, so that two
stores are equal and a name alone says what to look for.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from kfp_provenance.facts import (
    Artifact,
    ArtifactKind,
    CodeState,
    ComponentReference,
    Digest,
    Environment,
    Input,
    InputOrigin,
    Outcome,
    Output,
    Parameter,
    Step,
    StepFailure,
)

PUBLISHER = "kfp_provenance.components.publish.component.publish"
"""The component whose steps lineage knows as those that publish models."""
_TYPES = {
    "bundle": "system.Artifact",
    "data": "system.Dataset",
    "dataset": "system.Dataset",
    "metrics": "system.Metrics",
    "model": "system.Model",
    "profile": "system.Artifact",
    "receipt": "system.Artifact",
    "report": "system.HTML",
    "test_data": "system.Dataset",
    "training_data": "system.Dataset",
    "transformer": "system.Artifact",
}
_PAUSE = timedelta(seconds=5)


def digest(name: str) -> Digest:
    """Digest of the content that ``name`` stands for."""
    return Digest(hashlib.sha256(name.encode()).hexdigest())


def identity(name: str) -> str:
    """Id of the run or the step that ``name`` stands for: a UUID, as in a cluster."""
    return str(uuid.UUID(digest(name).hex[:32], version=4))


def _environment(python: str, packages: int) -> Environment:
    names = tuple(f"package-{n:02}=={1 + n % 7}.{n % 5}" for n in range(packages))
    return Environment(digest("\n".join((python, *names, ""))), python, names)


ENVIRONMENTS = (
    _environment("CPython 3.11.7 linux-x86_64", 60),
    _environment("CPython 3.12.4 linux-x86_64", 90),
    _environment("CPython 3.11.9 linux-aarch64", 40),
)


@dataclass(frozen=True)
class Pipeline:
    """What all steps of a pipeline have in common."""

    name: str
    namespace: str
    environment: Environment
    is_committed: bool = True
    """Whether its steps say the commit that they come from."""

    @property
    def image(self) -> str:
        """Image of every step, by digest."""
        return f"registry.example/{self.namespace}/{self.name}@{digest(f'{self.name} image')}"

    @cached_property
    def code(self) -> CodeState | None:
        """State of the author's repository."""
        if not self.is_committed:
            return None
        commit = digest(f"{self.name} commit").hex[:40]
        return CodeState(commit, dirty=False, repository=f"https://git.example/{self.name}.git")

    @cached_property
    def digest(self) -> str:
        """Digest of the compiled pipeline."""
        return str(digest(f"{self.name} compiled"))

    @cached_property
    def components(self) -> dict[str, ComponentReference]:
        """Components of its tasks, as far as there were steps of them."""
        return {}

    def component(self, task: str) -> ComponentReference:
        """Component that a task runs."""
        if task not in self.components:
            name = task.partition("-")[0]
            own = f"{self.name.replace('-', '_')}.steps.{name}"
            self.components[task] = ComponentReference(
                PUBLISHER if name == "publish" else own,
                "1.4.2",
                digest(f"{self.name}/{name} source"),
                self.image,
            )
        return self.components[task]


def stored(
    name: str, content: Digest, uri: str, metadata: Mapping[str, str] | None = None
) -> Artifact:
    """The artifact of an output or input ``name`` with this content at this place."""
    number = int(content.hex[:8], 16)
    kind, size = ArtifactKind.FILE, number
    text = f'{{"format":"parquet","rows":"{number % 1_000_000}"}}'
    if name == "metrics":
        kind, size = ArtifactKind.VALUES, 0
        text = f'{{"accuracy":"0.{number % 10_000:04}"}}'
    if metadata is not None:
        text = json.dumps(metadata, separators=(",", ":"), sort_keys=True)
    return Artifact(content, uri, kind, size, _TYPES[name], metadata=text)


def source(name: str, artifact: Artifact) -> Input:
    """An input that a step reads from outside and declares."""
    return Input(name, 0, artifact, InputOrigin.SOURCE)


def imported(name: str, artifact: Artifact) -> Input:
    """An input that came without a digest: joined by its content alone."""
    return Input(name, 0, artifact, InputOrigin.IMPORTED)


def produced(name: str, step: Step, output: str) -> Input:
    """An input that is an output of ``step``, which announced it."""
    artifact = artifact_of(step, output)
    return Input(name, 0, artifact, InputOrigin.STEP, step.id, output, 0)


def artifact_of(step: Step, output: str) -> Artifact:
    """What ``step`` wrote as ``output``."""
    return next(item.artifact for item in step.outputs if item.name == output)


class RunMaker:
    """Makes the steps of one run one after the other.

    Args:
        name: Well-known name of the run; its id is ``identity(name)``.
        pipeline: Of which pipeline it is a run.
        start: Start of its first step.
    """

    def __init__(self, name: str, pipeline: Pipeline, start: datetime) -> None:
        self.name = name
        self.pipeline = pipeline
        self.steps: list[Step] = []
        self._run = identity(name)
        self._now = start

    def step(
        self,
        task: str,
        inputs: Iterable[Input],
        outputs: Sequence[str] = (),
        contents: Mapping[str, Digest] | None = None,
        metadata: Mapping[str, str] | None = None,
        failure: StepFailure | None = None,
    ) -> Step:
        """Add a step.

        Args:
            task: Its name; a task of that name before it was an attempt that failed.
            inputs: What it reads.
            outputs: Names of what it writes, the same several times for a list; each has a
                content of its own.
            contents: The same content for those that are not to have one of their own.
            metadata: What the step says of each output, if it is not the usual.
            failure: Why it failed.
        """
        attempt = 1 + sum(step.task == task for step in self.steps)
        name = f"{self.name}/{task}/{attempt}"
        started = self._now
        number = int(digest(name).hex[:6], 16)
        self._now = started + timedelta(seconds=20 + number % 300, microseconds=number)
        step = Step(
            id=identity(name),
            run=self._run,
            task=task,
            pipeline=self.pipeline.name,
            component=self.pipeline.component(task),
            environment=self.pipeline.environment.digest,
            started=started,
            finished=self._now,
            outcome=Outcome.FAILED if failure else Outcome.SUCCEEDED,
            pipeline_digest=self.pipeline.digest,
            namespace=self.pipeline.namespace,
            attempt=attempt,
            code=self.pipeline.code,
            parameters=_parameters(task, number),
            inputs=tuple(inputs),
            outputs=self._outputs(task, outputs, contents or {}, metadata),
            failure=failure,
            runtime_version="0.1.0",
        )
        self._now += _PAUSE
        self.steps.append(step)
        return step

    def _outputs(
        self,
        task: str,
        names: Sequence[str],
        contents: Mapping[str, Digest],
        metadata: Mapping[str, str] | None,
    ) -> tuple[Output, ...]:
        folder = f"gs://{self.pipeline.namespace}-artifacts/{self._run}/{task}"
        made = []
        for place, name in enumerate(names):
            index = names[:place].count(name)
            path = f"{name}/{index}" if index else name
            content = contents.get(name) or digest(f"{self.name}/{task}/{path}")
            made.append(Output(name, index, stored(name, content, f"{folder}/{path}", metadata)))
        return tuple(made)


def _parameters(task: str, number: int) -> tuple[Parameter, ...]:
    seed = Parameter("seed", str(number))
    if task != "train":
        return (seed,)
    return (
        Parameter("learning_rate", f"{1 + number % 50}e-3"),
        seed,
        Parameter("token", keyed_digest=f"hmac-sha256:team:{digest('token').hex}"),
    )
