"""One real signed run; every attack starts from the untouched state."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.forging_desk import desk
from support.signed_run import SignedRun, make_signed_run

__all__ = ["desk"]


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> tuple[SignedRun, Path]:
    """The run, and a backup of all its files."""
    folder = tmp_path_factory.mktemp("signed")
    run = make_signed_run(folder / "run")
    shutil.copytree(run.folder, folder / "backup", symlinks=True)
    return run, folder / "backup"


@pytest.fixture
def signed(pristine: tuple[SignedRun, Path]) -> Iterator[SignedRun]:
    """The run; its absolute paths are in the evidence, so it is restored and not copied."""
    run, backup = pristine
    yield run
    shutil.rmtree(run.folder)
    shutil.copytree(backup, run.folder, symlinks=True)
