"""What a component may ask of the runtime, if it wants to."""

from __future__ import annotations

from dataclasses import dataclass, field

from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError
from kfp_provenance.facts import Artifact, Input, InputOrigin
from kfp_provenance.hashing import Content
from kfp_provenance.runtime.identity import TaskIdentity


@dataclass
class TaskContext:
    """The tracked task that this process runs.

    Attributes:
        step: Id of the step being recorded.
        identity: Run, pipeline and task.
        pipeline_digest: Digest of the compiled pipeline; may be empty.
        store: Store URI that the step is recorded in.
        inputs: Artifacts that KFP handed over, hashed and compared.
        sources: What the function declared to have read from outside.
    """

    step: str
    identity: TaskIdentity
    pipeline_digest: str
    store: str
    inputs: tuple[Input, ...]
    sources: list[Input] = field(default_factory=list)


_current: list[TaskContext] = []


def enter_task(context: TaskContext) -> None:
    """Make ``context`` the current one; a process runs one task."""
    _current[:] = [context]


def current_task() -> TaskContext:
    """The running task.

    Raises:
        TaskError: NOT_IN_TASK outside a tracked task.
    """
    if not _current:
        raise TaskError(
            Code.NOT_IN_TASK,
            "this runs outside a tracked task",
            remedy="call it in the body of a function decorated with kfp_provenance.component",
        )
    return _current[0]


def declare_source(name: str, *, uri: str, content: Content, version: str = "") -> None:
    """Record that the running step read bytes from outside the pipeline.

    The source becomes a root of the lineage: an input that no step produced.

    Args:
        name: Name of the source among the inputs of the step.
        uri: Where the bytes were, without credentials.
        content: Their digest, kind and size, taken by the reader itself.
        version: Version of the object (GCS generation), if known.

    Raises:
        TaskError: NOT_IN_TASK outside a tracked task.
    """
    task = current_task()
    index = sum(source.name == name for source in task.sources)
    artifact = Artifact(
        digest=content.digest,
        uri=uri,
        kind=content.kind,
        size=content.size,
        type="system.Artifact",
        version=version,
    )
    task.sources.append(Input(name, index, artifact, InputOrigin.SOURCE))
