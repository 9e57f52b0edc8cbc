"""One real signed run; every attack starts from the untouched state. And the drill's page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.drill.contract import parametrize
from support.drill.page import Report
from support.forging_desk import desk
from support.signed_run import SignedRun, make_signed_run

__all__ = ["desk"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--drill-report", metavar="FILE", help="write docs/drill.md after the drill")


def pytest_configure(config: pytest.Config) -> None:
    target = config.getoption("--drill-report")
    if target and not hasattr(config, "workerinput"):  # not in the processes of xdist
        config.pluginmanager.register(Report(Path(target)), "drill-report")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize(metafunc)


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
