"""``kprov layout`` on a run of the packaged pipeline, judged by the stock ``in-toto-verify``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from support.intoto import Files, payload_of
from support.signed_run import SignedRun, kprov, make_signed_run

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SignedRun:
    return make_signed_run(tmp_path_factory.mktemp("layout") / "run")


@pytest.fixture(scope="module")
def made(run: SignedRun, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Layout and links as a user makes them, with the model where its inspection looks."""
    files = Files(tmp_path_factory.mktemp("made"))
    assert kprov("key", "new", "owner.key", cwd=files.folder).returncode == 0
    done = kprov(
        "layout", "make", run.folder / "pipeline.yaml", "-o", files.layout, "--inspect-model",
        "--signer", "file:owner.key", "--functionary", run.key, "--source", "ingest",
        cwd=files.folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = _links(run, files)
    assert done.returncode == 0, done.stderr
    (files.folder / "train").mkdir()
    shutil.copy(run.model, files.folder / "train" / "model")
    return files


@pytest.fixture
def files(made: Files, tmp_path: Path) -> Files:
    shutil.copytree(made.folder, tmp_path, dirs_exist_ok=True)
    return Files(tmp_path)


def _links(run: SignedRun, files: Files, *extra: object, key: Path | None = None):
    return kprov(
        "layout", "links", run.model, "--bundle", run.bundle, "--key", key or run.key,
        "--signer", f"file:{run.folder / 'signer.key'}", "-o", files.links, *extra,
        cwd=files.folder,
    )  # fmt: skip


def test_in_toto_accepts_the_run(files: Files) -> None:
    done = files.program()
    # no warning either: every step ran the function that was compiled
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_in_toto_refuses_another_model(files: Files) -> None:
    model = files.folder / "train" / "model"
    model.write_bytes(model.read_bytes() + b"\0")
    done = files.program()
    assert done.returncode == 1
    assert "RuleVerificationError" in done.stderr


@pytest.mark.parametrize("step", ["ingest", "preprocess", "train", "evaluate"])
def test_in_toto_refuses_a_missing_step(files: Files, step: str) -> None:
    files.link(step).unlink()
    assert "LinkNotFoundError" in files.program().stderr


def test_the_layout_of_the_source_is_the_layout_of_the_compiled_file(
    run: SignedRun, files: Files
) -> None:
    compiled = payload_of(files.layout)
    made = kprov(
        "layout", "make", "tabular_training", "-o", files.layout, "--inspect-model",
        "--signer", "file:owner.key", "--functionary", run.key, "--source", "ingest",
        cwd=files.folder,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    again = payload_of(files.layout)
    assert compiled.pop("expires") <= again.pop("expires")
    assert again == compiled


def test_links_of_a_refused_chain_are_not_made(run: SignedRun, files: Files) -> None:
    shutil.rmtree(files.links)
    other = files.folder / "owner.pub"
    done = _links(run, files, "--json", key=other)
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdict"] == "refused"
    assert not files.links.exists()
    text = _links(run, files, key=other)
    assert (text.returncode, "SIGNER_UNTRUSTED" in text.stdout) == (1, True)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--signer", "nothing:x"], "SIGNER_URI_INVALID"),
        (["--signer", "sigstore:"], "SIGNER_URI_INVALID"),
        (["--functionary", "missing.pub"], "USAGE"),
        (["--functionary", "owner.key"], "KEY_UNREADABLE"),
        (["--source", "ingset"], "LAYOUT_UNSUPPORTED"),
        (["--subject", "train/modle"], "LAYOUT_UNSUPPORTED"),
    ],
)
def test_bad_usage_makes_no_layout(files: Files, options: list[str], code: str) -> None:
    files.layout.unlink()
    given = ["--signer", "file:owner.key", "--functionary", "owner.pub", *options]
    done = kprov("layout", "make", "tabular_training", "-o", files.layout, *given, cwd=files.folder)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert code in done.stderr
    assert "remedy" in done.stderr
    assert not files.layout.exists()


def test_json_for_machines(run: SignedRun, files: Files) -> None:
    done = _links(run, files, "--json")
    found = json.loads(done.stdout)
    assert (found["steps"], found["run"]) == ("4", run.run)
    assert all(
        path.name.split(".")[1] == found["functionary"][:8] for path in files.links.iterdir()
    )
