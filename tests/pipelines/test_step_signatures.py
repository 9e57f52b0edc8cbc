"""A run whose tasks sign their own steps: recorded with the step, collected, verified."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from kfp_provenance.attest.identifiers import COLLECTOR_BUILDER, STEP_BUILDER
from kfp_provenance.bundle import read_bundle
from kfp_provenance.metadata import open_reader
from support.signed_run import SignedRun, judged, kprov, make_signed_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SignedRun:
    folder = tmp_path_factory.mktemp("step-signed")
    assert kprov("key", "new", folder / "step.key", cwd=folder).returncode == 0
    step = f'[[signer]]\nkey = "step.pub"\nbuilders = ["{STEP_BUILDER}"]\n'
    collector = f'[[signer]]\nkey = "signer.pub"\nbuilders = ["{COLLECTOR_BUILDER}"]\n'
    (folder / "steps.toml").write_text(f"version = 1\n{step}")
    (folder / "trust.toml").write_text(f"version = 1\n{step}{collector}")
    return make_signed_run(
        folder,
        options=[
            "--step-signer", f"file:{folder / 'step.key'}",
            "-p", f"step_trust={folder / 'steps.toml'}",
            "-p", "public_key=", "-p", f"trust={folder / 'trust.toml'}",
        ],
    )  # fmt: skip


def test_each_task_signed_its_step_and_the_signing_step_collected_them(run: SignedRun) -> None:
    lines = read_bundle(run.bundle.read_bytes())
    hints = [line.hint for line in lines]
    assert len(set(hints[:-1])) == 1
    assert hints[-1] != hints[0]
    with closing(open_reader(run.store)) as reader:
        steps = {step.id: step for step in reader.run(run.run).steps}
        stored = {step: reader.attestation(step) for step in steps}
    assert {s.task for s in steps.values() if stored[s.id]} == {s.task for s in steps.values()}
    assert {line.raw for line in lines[:-1]} <= set(stored.values())


def verify(run: SignedRun, *options: object) -> frozenset[str]:
    done = run.kprov("verify", run.model, "--bundle", run.bundle, "--json", *options)
    found = judged(done)
    assert (found.exit_code == 0) == (not found.codes)
    return found.codes


def test_a_policy_that_names_both_signers_verifies_it(run: SignedRun) -> None:
    assert verify(run, "--trust", run.folder / "trust.toml") == set()
    assert verify(run, "--trust", run.folder / "trust.toml", "--store", run.store) == set()
    published = json.loads((run.folder / "published" / "tumour.json").read_text())
    assert published["name"] == "tumour"


def test_one_key_alone_does_not(run: SignedRun) -> None:
    assert verify(run, "--key", run.key) == {"SIGNER_UNTRUSTED"}
    assert verify(run, "--trust", run.folder / "steps.toml") == {"SIGNER_UNTRUSTED"}


def test_an_operator_collects_them_too_and_the_store_cannot_lie_about_them(
    run: SignedRun, tmp_path: Path
) -> None:
    arguments = (
        "sign", run.run, "--store", run.store, "--signer", f"file:{run.folder / 'signer.key'}",
        "--step-trust", run.folder / "steps.toml", "-o", tmp_path / "again.jsonl", "--json",
    )  # fmt: skip
    assert run.kprov(*arguments).returncode == 0
    statement = "UPDATE ExecutionProperty SET string_value = 'another/image' WHERE name = 'image'"
    assert run.sql(statement) > 0
    found = judged(run.kprov(*arguments))
    assert (found.exit_code, found.codes) == (1, {"ATTESTATION_MISMATCH"})


def test_a_signer_that_cannot_sign_stops_the_task_before_its_code_runs(tmp_path: Path) -> None:
    component = tmp_path / "touching.py"
    component.write_text(
        "import kfp_provenance\nfrom kfp import dsl\nfrom kfp.dsl import Dataset, Output\n\n\n"
        "@kfp_provenance.component\n"
        "def touch(made: Output[Dataset], marker: str):\n"
        "    from pathlib import Path\n"
        "    Path(marker).touch()\n"
        "    Path(made.path).write_text('x')\n\n\n"
        "@dsl.pipeline\ndef touching(marker: str):\n    touch(marker=marker)\n"
    )
    marker = tmp_path / "ran"
    options = (
        "run", f"{component}:touching", "-p", f"marker={marker}", "--json",
        "--root", tmp_path / "runs", "--store", f"sqlite:{tmp_path / 'metadata.db'}",
    )  # fmt: skip
    refused = kprov(*options, "--step-signer", f"file:{tmp_path / 'no.key'}", cwd=tmp_path)
    assert refused.returncode != 0
    assert "KEY_UNREADABLE" in refused.stdout + refused.stderr
    assert not marker.exists()
    assert kprov(*options, cwd=tmp_path).returncode == 0
    assert marker.exists()
