"""Run components as tracked tasks of a local pipeline, on real bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfp import dsl

from kfp_provenance.authoring import compile_pipeline, run_locally
from kfp_provenance.errors import AuthoringError
from kfp_provenance.facts import Artifact, Outcome, Run, Step
from kfp_provenance.metadata import open_reader


@dataclass(frozen=True)
class Ran:
    """A finished local run, as the store has it."""

    run: Run
    folder: Path

    def step(self, task: str) -> Step:
        """The step of a task."""
        return next(step for step in self.run.steps if step.task == task)

    def output(self, task: str, name: str) -> Artifact:
        """What a task wrote."""
        return next(out.artifact for out in self.step(task).outputs if out.name == name)

    def path(self, task: str, name: str) -> Path:
        """Where a task wrote it."""
        return Path(self.output(task, name).uri)


def run(build: Callable[[], object], folder: Path) -> Ran:
    """Compile and run the tasks that ``build`` calls; the run must succeed."""
    result = _run(build, folder)
    assert result.run.steps
    assert all(step.outcome is Outcome.SUCCEEDED for step in result.run.steps)
    return result


def run_failing(build: Callable[[], object], folder: Path) -> Step:
    """The same for a run that must fail; the step that failed, as it was recorded."""
    result = _run(build, folder)
    failed = [step for step in result.run.steps if step.outcome is Outcome.FAILED]
    assert len(failed) == 1
    assert failed[0].failure is not None
    return failed[0]


def _run(build: Callable[[], object], folder: Path) -> Ran:
    pipeline = dsl.pipeline(name="components-test")(_plain(build))
    compiled = compile_pipeline(pipeline, folder / "pipeline.yaml")
    store = f"sqlite:{folder / 'metadata.db'}"
    runs = folder / "runs"
    with suppress(AuthoringError):  # the store says how it ended
        run_locally(compiled, root=runs, store=store)
    reader = open_reader(store)
    try:
        newest = reader.runs()[0]
        return Ran(reader.run(newest.id), runs / newest.id)
    finally:
        reader.close()


def _plain(build: Callable[[], object]) -> Callable[[], None]:
    def pipeline() -> None:
        build()

    pipeline.__annotations__.clear()  # as text, KFP takes None for an output
    return pipeline


def imported(path: Path, kind: Any = dsl.Dataset, metadata: Mapping[str, Any] | None = None) -> Any:
    """Bytes on disk as an artifact; to be called inside ``build``."""
    importer = dsl.importer(
        artifact_uri=str(path), artifact_class=kind, metadata=dict(metadata or {})
    )
    return importer.output
