"""Run pipelines as a user does, with plain ``kfp.local``, and read what was recorded."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl, local

import kfp_provenance
from kfp_provenance.facts import Input, Outcome, Output, Run, Step
from kfp_provenance.metadata import open_reader
from support.recording import sqlite_sql

tracked = partial(
    kfp_provenance.component,
    install_kfp_package=False,
    tracking=kfp_provenance.Tracking(package="image"),
)
"""The decorator in an environment that has the packages already."""
plain = partial(dsl.component, install_kfp_package=False, base_image="python:3.11")
"""A component that nobody tracks."""


class LocalRuns:
    """Local runs below one folder, recorded in one SQLite store."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "runs"
        self.database = folder / "metadata.db"
        self.store = f"sqlite:{self.database}"

    def run(self, pipeline: Callable[..., Any], **arguments: object) -> Run:
        """Run to the end; the recorded run."""
        known = self._recorded()
        self.start(pipeline, arguments)
        return self._new(known)

    def fail(self, pipeline: Callable[..., Any], **arguments: object) -> Run:
        """Run into a failing task; what was recorded until then."""
        known = self._recorded()
        with pytest.raises(RuntimeError, match="FAILURE"):
            self.start(pipeline, arguments)
        return self._new(known)

    def fail_unrecorded(self, pipeline: Callable[..., Any], **arguments: object) -> None:
        """Run into a failing task whose step cannot be recorded."""
        with pytest.raises(RuntimeError, match="FAILURE"):
            self.start(pipeline, arguments)

    def folder_of(self, pipeline: Callable[..., Any], **arguments: object) -> Path:
        """Run to the end; the folder of the outputs."""
        before = self._folders()
        self.start(pipeline, arguments)
        (name,) = self._folders() - before
        return self.root / name

    def _recorded(self) -> set[str]:
        if not self.database.exists():
            return set()
        with closing(open_reader(self.store)) as reader:
            return {run.id for run in reader.runs()}

    def _new(self, known: set[str]) -> Run:
        (run,) = self._recorded() - known
        return self.read(run)

    def read(self, run: str) -> Run:
        """A recorded run."""
        with closing(open_reader(self.store)) as reader:
            return reader.run(run)

    def sql(self, statement: str) -> list[list[Any]]:
        """Rows of the store's file."""
        return sqlite_sql(self.database, statement)

    def start(self, pipeline: Callable[..., Any], arguments: dict[str, object]) -> None:
        """Run as a user does."""
        local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(self.root))
        pipeline(**arguments)

    def _folders(self) -> set[str]:
        return {path.name for path in self.root.iterdir()} if self.root.exists() else set()


def step_of(run: Run, task: str) -> Step:
    """The only step of a task."""
    (step,) = (step for step in run.steps if step.task == task)
    return step


def outputs_of(step: Step) -> dict[str, Output]:
    """Outputs by name; for steps without lists."""
    assert all(output.index == 0 for output in step.outputs)
    return {output.name: output for output in step.outputs}


def inputs_of(step: Step) -> dict[str, Input]:
    """Inputs by name; for steps without lists."""
    assert all(given.index == 0 for given in step.inputs)
    return {given.name: given for given in step.inputs}


def parameters_of(step: Step) -> dict[str, object]:
    """Input parameters as values."""
    return {item.name: json.loads(item.value) for item in step.parameters}


def results_of(step: Step) -> dict[str, object]:
    """Output parameters as values."""
    return {item.name: json.loads(item.value) for item in step.results}


def refused(run: Run, task: str, code: str) -> Step:
    """The step of ``task``, which must be recorded as stopped with ``code``."""
    step = step_of(run, task)
    assert step.outcome is Outcome.FAILED
    assert step.failure is not None
    assert step.failure.message.startswith(f"{code}:")
    return step


def everything_in(database: Path) -> str:
    """All that an SQLite file holds, as text: rows and raw bytes, its log too."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = "\n".join(connection.iterdump())
    files = [database, *database.parent.glob(f"{database.name}-*")]
    raw = b"".join(file.read_bytes() for file in files).decode("utf-8", "replace")
    return rows + raw


@pytest.fixture(name="runs")
def local_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalRuns:
    """Local runs in an empty folder, which is the current one too."""
    runs = LocalRuns(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KPROV_STORE", runs.store)
    return runs
