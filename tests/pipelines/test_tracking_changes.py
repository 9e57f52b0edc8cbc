"""Bytes that change between two steps stop the second one before user code runs."""

# no `from __future__ import annotations`: KFP reads the annotations
from pathlib import Path

import pytest
from kfp import dsl
from kfp.dsl import Dataset, Input, Metrics, Output

from kfp_provenance.facts import Outcome
from support.tracking import LocalRuns, plain, refused, step_of, tracked


@tracked
def make(data: Output[Dataset], folder: Output[Dataset], values: Output[Metrics]):
    from pathlib import Path

    Path(data.path).write_text("data")
    Path(folder.path).mkdir()
    for name in ("a", "b"):
        (Path(folder.path) / name).write_text(name)
    values.log_metric("accuracy", 0.5)


@plain
def tamper(how: str, data: Input[Dataset], folder: Input[Dataset]):
    """Stands for whoever can write to the object store."""
    import os
    import shutil
    from pathlib import Path

    file, tree = Path(data.path), Path(folder.path)
    if how == "overwrite":
        file.write_text("d4ta")
    elif how == "append":
        file.write_text("data\n")
    elif how == "delete":
        file.unlink()
    elif how == "link to equal bytes":
        file.rename(f"{file}.moved")
        os.symlink(f"{file}.moved", file)
    elif how == "directory":
        file.unlink()
        file.mkdir()
        (file / "data").write_text("data")
    elif how == "swap":
        (tree / "a").rename(tree / "c")
        (tree / "b").rename(tree / "a")
        (tree / "c").rename(tree / "b")
    elif how == "add":
        (tree / "c").write_text("")
    elif how == "drop":
        (tree / "a").unlink()
    elif how == "empty":
        shutil.rmtree(tree)
        tree.mkdir()
    elif how == "listing":
        import hashlib

        lines = [f"{hashlib.sha256(n.encode()).hexdigest()}  {n}\n" for n in ("a", "b")]
        shutil.rmtree(tree)
        tree.write_text("".join(lines))
    elif how == "touch":
        os.utime(file, (1, 1))
        file.chmod(0o600)
    else:
        raise ValueError(how)


@tracked
def use(data: Input[Dataset], folder: Input[Dataset], values: Input[Metrics], marker: str):
    from pathlib import Path

    Path(marker).touch()


@dsl.pipeline(name="tampered")
def tampered(how: str, marker: str):
    made = make()
    data, folder = made.outputs["data"], made.outputs["folder"]
    changed = tamper(how=how, data=data, folder=folder)
    use(data=data, folder=folder, values=made.outputs["values"], marker=marker).after(changed)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("overwrite", "INPUT_DIGEST_MISMATCH"),
        ("append", "INPUT_DIGEST_MISMATCH"),
        ("delete", "INPUT_MISSING"),
        ("link to equal bytes", "ARTIFACT_SYMLINK"),
        ("directory", "INPUT_DIGEST_MISMATCH"),
        ("swap", "INPUT_DIGEST_MISMATCH"),
        ("add", "INPUT_DIGEST_MISMATCH"),
        ("drop", "INPUT_DIGEST_MISMATCH"),
        ("empty", "ARTIFACT_EMPTY_DIRECTORY"),
        ("listing", "INPUT_DIGEST_MISMATCH"),
    ],
)
def test_changed_bytes_are_refused_before_user_code(
    runs: LocalRuns, tmp_path: Path, how: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = tmp_path / "user code ran"
    run = runs.fail(tampered, how=how, marker=str(marker))
    assert not marker.exists()
    assert step_of(run, "make").outcome is Outcome.SUCCEEDED
    refused(run, "use", code)
    shown = capsys.readouterr().out
    assert f"{code}: " in shown
    assert "remedy:" in shown
    if code == "INPUT_DIGEST_MISMATCH":
        assert "expected:" in shown
        assert "found:" in shown


def test_other_times_and_modes_are_no_change(runs: LocalRuns, tmp_path: Path) -> None:
    marker = tmp_path / "user code ran"
    run = runs.run(tampered, how="touch", marker=str(marker))
    assert marker.exists()
    assert step_of(run, "use").outcome is Outcome.SUCCEEDED


# --- the announcement itself


@plain
def forge(values: Input[Metrics], out: Output[Metrics], announcement: str):
    """An untracked task that hands on metadata as its own."""
    out.metadata.update(values.metadata)
    out.metadata["accuracy"] = 0.99
    if announcement:
        out.metadata["kprov_artifact"] = announcement


@dsl.pipeline(name="forged")
def forged(announcement: str, marker: str):
    made = make()
    other = forge(values=made.outputs["values"], announcement=announcement)
    use(data=made.outputs["data"], folder=made.outputs["folder"], values=other.outputs["out"],
        marker=marker)  # fmt: skip


@pytest.mark.parametrize(
    ("announcement", "code"),
    [
        ("", "INPUT_DIGEST_MISMATCH"),
        ("{}", "EXECUTOR_INPUT_INVALID"),
        ("[]", "EXECUTOR_INPUT_INVALID"),
        ("not JSON", "EXECUTOR_INPUT_INVALID"),
        ('{"digest": "sha256:0", "kind": "file", "step": "", "output": "", "index": "0"}',
         "EXECUTOR_INPUT_INVALID"),
    ],
)  # fmt: skip
def test_changed_values_and_damaged_announcements_are_refused(
    runs: LocalRuns, tmp_path: Path, announcement: str, code: str
) -> None:
    marker = tmp_path / "user code ran"
    run = runs.fail(forged, announcement=announcement, marker=str(marker))
    assert not marker.exists()
    refused(run, "use", code)


# --- the program


def test_edited_source_is_refused(runs: LocalRuns, tmp_path: Path) -> None:
    import yaml
    from kfp import compiler, components

    file, marker = tmp_path / "use.yaml", tmp_path / "user code ran"
    compiler.Compiler().compile(quiet_pipeline, str(file))
    text = file.read_text()
    assert text.count("harmless") == 1
    specification = yaml.safe_load(text.replace("harmless", "harmful"))
    edited = components.load_component_from_text(yaml.safe_dump(specification))
    runs.fail_unrecorded(edited, marker=str(marker))
    assert not marker.exists()
    runs.run(components.load_component_from_file(str(file)), marker=str(marker))
    assert marker.exists()


@tracked
def run_quietly(marker: str) -> str:
    from pathlib import Path

    Path(marker).touch()
    return "harmless"


@dsl.pipeline(name="quiet")
def quiet_pipeline(marker: str):
    run_quietly(marker=marker)
