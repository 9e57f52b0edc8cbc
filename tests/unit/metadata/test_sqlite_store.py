from __future__ import annotations

import multiprocessing
import os
import random
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.metadata import Patience, init_store, open_reader, open_recorder
from support.recording import locked, record_at_once, record_until_killed, sqlite_sql
from support.steps import ENVIRONMENT, chain, step
from support.store_contract import StoreContract
from support.store_defence import StoreDefence
from support.store_fixtures import Store, reader, recorder

__all__ = ["reader", "recorder"]  # fixtures of the contract


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "meta data.db"


@pytest.fixture
def store(file: Path) -> Store:
    return Store(f"sqlite:{file}", lambda *statements: sqlite_sql(file, *statements))


class TestSqlite(StoreContract, StoreDefence):
    pass


def test_wal_and_the_indexes_that_mlmd_lacks(file: Path) -> None:
    init_store(f"sqlite:{file}")
    init_store(f"sqlite:{file}")
    assert sqlite_sql(file, "PRAGMA journal_mode") == [["wal"]]
    names = sqlite_sql(file, "SELECT name FROM sqlite_master WHERE name LIKE 'kprov%' ORDER BY 1")
    assert names == [["kprov_association_execution"], ["kprov_attribution_artifact"]]
    way = "EXPLAIN QUERY PLAN SELECT context_id FROM Association WHERE execution_id = 1"
    assert "kprov_association_execution" in str(sqlite_sql(file, way))


def test_nothing_but_the_file_is_left(file: Path) -> None:
    with closing(open_recorder(f"sqlite:{file}")) as recorder:
        recorder.record(step(), ENVIRONMENT)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "m.db").touch()
    with closing(open_recorder(f"sqlite:{tmp_path}/m.db")) as recorder:
        recorder.record(step(), ENVIRONMENT)
    with closing(open_reader(f"sqlite:{tmp_path}/m.db")) as reader:
        assert reader.step(step().id) == step()


def test_a_path_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    init_store("sqlite:here.db")
    assert (tmp_path / "here.db").is_file()


def test_first_creation_by_four_processes_at_once(tmp_path: Path) -> None:
    runs = [f"run-{number}" for number in range(4)]
    record_at_once(f"sqlite:{tmp_path}/m.db", runs, 1)
    with closing(open_reader(f"sqlite:{tmp_path}/m.db")) as reader:
        assert {run.id for run in reader.runs()} == set(runs)


def test_opening_does_not_drop_the_locks_of_an_open_recorder(file: Path) -> None:
    """MLMD has its own SQLite: touching the file in this process would lose steps.

    If anything closed the file here, the other process would delete the log that
    this one still writes to (see sqlite_setup).
    """
    steps = chain("run-1", 4)
    uri = f"sqlite:{file}"
    with closing(open_recorder(uri)) as recorder:
        recorder.record(steps[0], ENVIRONMENT)
        open_recorder(uri).close()
        init_store(uri)
        open_reader(uri).close()
        record_at_once(uri, ["run-2"], 2)
        recorder.record(steps[1], ENVIRONMENT)
        record_at_once(uri, ["run-3"], 2)
        recorder.record(steps[2], ENVIRONMENT)
    with closing(open_reader(uri)) as reader:
        found = {run: reader.run(run).steps for run in ("run-1", "run-2", "run-3")}
    assert found == {
        "run-1": tuple(steps[:3]),
        "run-2": tuple(chain("run-2", 2)),
        "run-3": tuple(chain("run-3", 2)),
    }


def test_a_busy_store_is_tried_again(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    uri = f"sqlite:{file}"
    init_store(uri)
    pauses: list[float] = []
    with locked(file) as release:

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 6:
                release()

        with closing(open_recorder(uri, Patience(sleep=sleep))) as recorder:
            recorder.record(step(), ENVIRONMENT)
        with closing(open_reader(uri)) as reader:
            assert reader.step(step().id) == step()
    assert len(pauses) == 6
    assert all(pause <= 0.005 * 2**number for number, pause in enumerate(pauses))
    assert capfd.readouterr().err == ""  # MLMD would log an error for each try


def test_a_store_that_stays_busy(file: Path) -> None:
    uri = f"sqlite:{file}"
    init_store(uri)
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    patience = Patience(clock=lambda: now[0], sleep=sleep)
    with locked(file), closing(open_recorder(uri, patience)) as recorder:
        with pytest.raises(StoreError) as raised:
            recorder.record(step(), ENVIRONMENT)
        with closing(open_reader(uri)) as reader:  # a writer does not stop readers
            assert reader.runs() == ()
    assert raised.value.code is Code.STORE_UNREACHABLE
    assert 28 < now[0] <= 30


def test_killed_at_any_moment_leaves_no_partial_step(tmp_path: Path) -> None:
    """15 writers killed by SIGKILL, the first ones while they make the file."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.recording", "kfp_provenance.metadata.mlmd_recorder"])
    uri = f"sqlite:{tmp_path}/m.db"
    moments = random.Random(20260301)  # noqa: S311
    partial = 0
    for number in range(15):
        ours, theirs = context.Pipe(duplex=False)
        writer = context.Process(
            target=record_until_killed, args=(uri, f"run-{number}", 200, theirs)
        )
        writer.start()
        theirs.close()
        assert ours.recv() == ""  # it has begun
        writer.join(moments.uniform(0.0, 0.02) if number < 4 else moments.uniform(0.02, 0.2))
        writer.kill()
        writer.join()
        acknowledged = []
        try:
            while True:
                acknowledged.append(ours.recv())
        except EOFError:
            pass
        partial += 0 < len(acknowledged) < 200
        if not acknowledged:
            continue
        with closing(open_reader(uri)) as reader:
            steps = reader.run(f"run-{number}").steps
        assert steps == tuple(chain(f"run-{number}", 200)[: len(steps)])
        assert len(acknowledged) <= len(steps) <= len(acknowledged) + 1
    assert partial >= 5, "the kills came too early or too late to prove anything"
    with closing(open_recorder(uri)) as recorder:
        recorder.record(step("after"), ENVIRONMENT)
    orphans = "SELECT COUNT(*) FROM Artifact WHERE id NOT IN (SELECT artifact_id FROM Event)"
    assert sqlite_sql(tmp_path / "m.db", orphans) == [[0]]


@pytest.mark.parametrize("opened", [open_recorder, open_reader])
def test_only_a_regular_file_is_opened(tmp_path: Path, opened: type) -> None:
    init_store(f"sqlite:{tmp_path}/real.db")
    (tmp_path / "link.db").symlink_to("real.db")
    (tmp_path / "dangling.db").symlink_to("nowhere.db")
    (tmp_path / "folder.db").mkdir()
    os.mkfifo(tmp_path / "pipe.db")
    for name in ("link.db", "dangling.db", "folder.db", "pipe.db"):
        with pytest.raises(StoreError) as raised:
            opened(f"sqlite:{tmp_path / name}")
        assert raised.value.code is Code.STORE_URI_INVALID
    assert not (tmp_path / "nowhere.db").exists()


def test_a_reader_never_makes_a_file(tmp_path: Path) -> None:
    for path in (tmp_path / "m.db", tmp_path / "no" / "m.db"):
        with pytest.raises(StoreError) as raised:
            open_reader(f"sqlite:{path}")
        assert raised.value.code is Code.STORE_UNREACHABLE
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_store(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_bytes(b"this is not a database\n" * 100)
    sqlite_sql(tmp_path / "other.db", "CREATE TABLE t(a)")
    for name, code in (
        ("empty.db", Code.STORE_UNREACHABLE),
        ("other.db", Code.STORE_UNREACHABLE),
        ("text.db", Code.STORE_CORRUPT),
    ):
        with pytest.raises(StoreError) as raised:
            open_reader(f"sqlite:{tmp_path / name}")
        assert raised.value.code is code
    assert (tmp_path / "empty.db").stat().st_size == 0


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError) as raised:
        open_recorder(f"sqlite:{tmp_path}/file/m.db")
    assert raised.value.code is Code.STORE_UNREACHABLE


def test_without_ml_metadata() -> None:
    program = """
import sys
sys.modules["ml_metadata"] = None
import kfp_provenance.metadata as metadata
from kfp_provenance.errors import StoreError
for opened in (metadata.open_recorder, metadata.open_reader, metadata.init_store):
    try:
        opened("sqlite:/nowhere/m.db")
    except StoreError as error:
        print(error.code, error.remedy)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert line.startswith("DEPENDENCY_MISSING pip install 'kfp-provenance[mlmd]'")


def test_importing_the_package_does_not_load_ml_metadata() -> None:
    program = (
        "import sys, kfp_provenance.metadata\n"
        "heavy = {'ml_metadata', 'grpc', 'google', 'pymysql', 'pydantic', 'kfp', 'sqlite3'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
