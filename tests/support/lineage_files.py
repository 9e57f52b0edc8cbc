"""SQLite files for the reader of lineage, and everything that it can be asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kfp_provenance.errors import StoreError
from kfp_provenance.metadata import LineageIndex, open_index, open_recorder
from kfp_provenance.metadata.graph import Selection
from support.steps import ENVIRONMENT, START, chain, digest

LENGTH = 12
"""Steps of a chain."""
TESTS = str(Path(__file__).resolve().parents[1])


def make_store(path: Path) -> str:
    """A store with one chain; its URI."""
    uri = f"sqlite:{path}"
    with closing(open_recorder(uri)) as recorder:
        for one in chain("run-0", LENGTH):
            recorder.record(one, ENVIRONMENT)
    return uri


def whole(index: LineageIndex) -> tuple[int, ...]:
    """All that came of the common root of the chains."""
    return index.downstream(index.rows_with_digest(digest("root")))


def refused(path: Path) -> StoreError:
    """Why the file is not opened."""
    with pytest.raises(StoreError) as raised:
        open_index(f"sqlite:{path}")
    assert raised.value.remedy
    return raised.value


def questions(index: LineageIndex) -> list[Callable[[], object]]:
    """Everything that can be asked."""
    ids = tuple(range(1, 2 * LENGTH))
    chosen = Selection("system.Dataset", "churn", "", START, START.replace(year=2040))
    return [
        lambda: index.rows_with_digest(digest("root")),
        lambda: index.digests_beginning("sha256:0", 100),
        lambda: index.rows_at("/data/root"),
        lambda: index.steps_of_run("run-0"),
        lambda: index.upstream(ids),
        lambda: index.downstream(ids),
        lambda: index.outputs(ids, "system.Dataset"),
        lambda: index.keys(ids),
        lambda: index.summary(ids, "system.Dataset"),
        lambda: index.steps_of_component("churn.steps.train"),
        lambda: index.edges(ids),
        lambda: index.edges_of_artifacts(ids, output=True),
        lambda: index.artifacts(ids),
        lambda: index.steps(ids),
        lambda: index.records(ids),
        lambda: index.environment(ENVIRONMENT.digest),
        lambda: index.list_steps(chosen),
        lambda: index.list_artifacts(chosen),
        lambda: index.list_runs(chosen),
        lambda: index.list_runs(Selection()),
        index.types,
        index.pipelines,
    ]


def ask(index: LineageIndex) -> list[StoreError]:
    """Ask everything; the errors, which must be ours."""
    errors = []
    for question in questions(index):
        try:
            question()
        except StoreError as error:
            errors.append(error)
    return errors


@contextmanager
def program(text: str, *arguments: str) -> Iterator[Callable[[], None]]:
    """Another process that says ``ready``, and ends when what is yielded is called."""
    start = f"import sys; sys.path.insert(0, {TESTS!r})\n"
    with subprocess.Popen(
        [sys.executable, "-c", start + text, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

        def end() -> None:
            process.communicate("\n", timeout=60)
            assert process.returncode == 0

        try:
            yield end
        finally:
            process.kill()
