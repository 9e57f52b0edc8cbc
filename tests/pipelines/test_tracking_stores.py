"""Where a task records, and what happens if it cannot."""

# no `from __future__ import annotations`: KFP reads the annotations
from pathlib import Path

import pytest
from kfp import dsl

import kfp_provenance
from kfp_provenance.metadata import open_reader
from support.tracking import LocalRuns, tracked


@tracked
def touch(marker: str):
    from pathlib import Path

    Path(marker).touch()


@tracked
def fail(marker: str):
    raise LookupError("the function's own error")


@pytest.fixture(name="marker")
def user_code_marker(tmp_path: Path) -> Path:
    return tmp_path / "user code ran"


def test_environment_names_the_store(runs: LocalRuns, marker: Path) -> None:
    runs.run(touch, marker=str(marker))
    assert marker.exists()
    assert not (runs.root.parent / ".kprov").exists()


def test_default_is_a_file_of_the_current_folder(
    runs: LocalRuns, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KPROV_STORE")
    runs.folder_of(touch, marker=str(marker))
    assert len(open_reader("sqlite:.kprov/metadata.db").runs()) == 1


def test_settings_file_names_the_store(
    runs: LocalRuns, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KPROV_STORE")
    Path("kprov.toml").write_text('store = "sqlite:from-file.db"\n')
    runs.folder_of(touch, marker=str(marker))
    assert len(open_reader("sqlite:from-file.db").runs()) == 1


@pytest.mark.parametrize("text", ["store = 3\n", "unknown = 'x'\n", "not toml"])
def test_damaged_settings_file_stops_the_task(
    runs: LocalRuns, marker: Path, text: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.delenv("KPROV_STORE")
    Path("kprov.toml").write_text(text)
    runs.fail_unrecorded(touch, marker=str(marker))
    assert "SETTING_INVALID" in capsys.readouterr().out
    assert not marker.exists()


def test_store_fixed_by_the_author_beats_the_environment(
    runs: LocalRuns, marker: Path, tmp_path: Path
) -> None:
    fixed = f"sqlite:{tmp_path}/fixed.db"
    component = kfp_provenance.component(
        touch.python_func,
        install_kfp_package=False,
        tracking=kfp_provenance.Tracking(package="image", store=fixed),
    )
    runs.folder_of(component, marker=str(marker))
    assert len(open_reader(fixed).runs()) == 1
    assert not runs.database.exists()


@pytest.mark.parametrize("store", [None, "sqlite:.kprov/metadata.db", "sqlite:metadata.db"])
def test_in_a_cluster_nothing_is_written_to_a_private_file(
    runs: LocalRuns, marker: Path, store: str | None, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("KFP_POD_NAME", "train-1")
    monkeypatch.delenv("KPROV_STORE")
    if store is not None:
        monkeypatch.setenv("KPROV_STORE", store)
    Path("kprov.toml").write_text('store = "sqlite:from-file.db"\n')
    before = set(runs.root.parent.iterdir())
    runs.fail_unrecorded(touch, marker=str(marker))
    assert "STORE_UNSET" in capsys.readouterr().out
    assert not marker.exists()
    assert set(runs.root.parent.iterdir()) - before <= {runs.root}
    assert not list(runs.root.parent.rglob("*.db"))


def test_local_run_in_a_notebook_pod_is_a_local_run(
    runs: LocalRuns, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.delenv("KPROV_STORE")
    runs.folder_of(touch, marker=str(marker))
    (run,) = open_reader("sqlite:.kprov/metadata.db").runs()
    assert run.namespace == ""


@pytest.mark.parametrize(
    ("store", "code"),
    [
        ("grpc://127.0.0.1:1", "STORE_UNREACHABLE"),
        ("mysql://u@127.0.0.1:1/db", "STORE_UNREACHABLE"),
        ("sqlite:/proc/none/metadata.db", "STORE_UNREACHABLE"),
        ("postgresql://u@h:1/db", "STORE_UNSUPPORTED"),
        ("sqlite://x", "STORE_URI_INVALID"),
    ],
)
def test_store_that_cannot_be_used_stops_the_task(
    runs: LocalRuns, marker: Path, store: str, code: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("KPROV_STORE", store)
    monkeypatch.setenv("KPROV_STORE_PASSWORD", "pw-of-the-store")
    runs.fail_unrecorded(touch, marker=str(marker))
    shown = capsys.readouterr().out
    assert f"{code}: " in shown
    assert "pw-of-the-store" not in shown
    assert not marker.exists()


def test_store_that_is_no_database(
    runs: LocalRuns, marker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.database.write_bytes(b"not a database, but longer than a header of one " * 100)
    runs.fail_unrecorded(touch, marker=str(marker))
    assert "STORE_" in capsys.readouterr().out
    assert not marker.exists()


def test_read_only_store_fails_the_task(
    runs: LocalRuns, marker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.run(touch, marker=str(marker))
    marker.unlink()
    # a trigger holds root back too, whom no mode of a file does
    runs.sql(
        "CREATE TRIGGER read_only BEFORE INSERT ON Execution "
        "BEGIN SELECT RAISE(ABORT, 'read only'); END"
    )
    runs.fail_unrecorded(touch, marker=str(marker))
    assert "STORE_" in capsys.readouterr().out
    assert len(open_reader(runs.store).runs()) == 1


def test_lost_record_of_a_failing_function_hides_nothing(
    runs: LocalRuns, marker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.run(touch, marker=str(marker))
    runs.sql(
        "CREATE TRIGGER read_only BEFORE INSERT ON Execution "
        "BEGIN SELECT RAISE(ABORT, 'read only'); END"
    )
    runs.fail_unrecorded(fail, marker=str(marker))
    shown = capsys.readouterr().out
    assert "LookupError: the function's own error" in shown
    assert "STORE_" in shown


@dsl.pipeline(name="many")
def many(marker: str):
    for _ in range(3):
        touch(marker=marker)


def test_equal_tasks_of_one_run_are_several_steps(runs: LocalRuns, marker: Path) -> None:
    run = runs.run(many, marker=str(marker))
    assert [step.task for step in run.steps] == ["touch", "touch-2", "touch-3"]
    assert {step.attempt for step in run.steps} == {1}
    assert len({step.id for step in run.steps}) == 3
