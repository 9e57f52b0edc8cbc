"""A user's own project, with the decorator alone, run as its author would run it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from kfp_provenance.facts import Run
from kfp_provenance.metadata import open_reader
from support.repositories import commit, git_repository
from support.tracking import inputs_of, step_of

PROGRAM = '''
from kfp import dsl, local
from kfp.dsl import Dataset, Input, Output

from kfp_provenance import component
from components import SUFFIX


@component(packages_to_install=[], install_kfp_package=False)
def clean(rows: int, table: Output[Dataset]):
    """Write a table."""
    with open(table.path, "w") as stream:
        stream.write("x" * rows)


@component(install_kfp_package=False)
def count(table: Input[Dataset]) -> int:
    with open(table.path) as stream:
        return len(stream.read())


@dsl.pipeline(name="churn" + SUFFIX)
def churn(rows: int = 4):
    count(table=clean(rows=rows).outputs["table"])


if __name__ == "__main__":
    local.init(local.SubprocessRunner(use_venv=False))
    churn(rows=3)
'''


@pytest.fixture(name="project")
def user_project(tmp_path: Path) -> Path:
    """A project that has its own ``components`` package, as many have."""
    project = tmp_path / "project"
    (project / "components").mkdir(parents=True)
    (project / "components" / "__init__.py").write_text('SUFFIX = "-x"\n')
    (project / "pipeline.py").write_text(PROGRAM)
    (project / ".gitignore").write_text("local_outputs\n.kprov\n__pycache__\n")
    return project


def run_program(project: Path) -> Run:
    variables = {name: value for name, value in os.environ.items() if "KPROV" not in name}
    done = subprocess.run(
        [sys.executable, "pipeline.py"],
        cwd=project,
        env={**variables, "KPROV_PACKAGE": "image"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with closing(open_reader(f"sqlite:{project}/.kprov/metadata.db")) as reader:
        return reader.run(reader.runs()[0].id)


def test_outside_a_repository(project: Path) -> None:
    run = run_program(project)
    cleaned, counted = step_of(run, "clean"), step_of(run, "count")
    assert run.pipeline == "churn-x"
    assert [step.component.name for step in (cleaned, counted)] == [
        "pipeline.clean", "pipeline.count",
    ]  # fmt: skip
    assert inputs_of(counted)["table"].producer == cleaned.id
    assert counted.results[0].value == "3"
    assert {step.code for step in run.steps} == {None}
    assert {step.component.image for step in run.steps} == {"python:3.11"}


def test_inside_a_repository(project: Path) -> None:
    head = commit(git_repository(project))
    for step in run_program(project).steps:
        assert step.code is not None
        assert (step.code.commit, step.code.dirty) == (head, False)
        assert step.code.repository == "https://code.example/team/churn.git"
    (project / "pipeline.py").write_text(PROGRAM.replace("rows=3", "rows=5"))
    for step in run_program(project).steps:
        assert step.code is not None
        assert (step.code.commit, step.code.dirty) == (head, True)


def test_environment_is_stored_once_for_all_steps(project: Path) -> None:
    run = run_program(project)
    run_program(project)
    (digest,) = {step.environment for step in run.steps}
    with closing(open_reader(f"sqlite:{project}/.kprov/metadata.db")) as reader:
        environment = reader.environment(digest)
    assert environment is not None
    assert any(package.startswith("kfp==") for package in environment.packages)
