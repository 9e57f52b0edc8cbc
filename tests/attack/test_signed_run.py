"""Attacks on a real run: its bytes, its records, its signature. And what must pass."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import independent_verifier
from support.signed_run import SignedRun, judged, kprov

OUTPUTS = [
    "ingest/dataset",
    "ingest/profile",
    "preprocess/training_data",
    "preprocess/test_data",
    "preprocess/transformer",
    "train/model",
    "evaluate/report",
]


def flip(path: Path, where: float = 0.5) -> None:
    data = bytearray(path.read_bytes())
    data[int(len(data) * where)] ^= 1
    path.write_bytes(data)


# --- honest


def test_untouched_passes_with_and_without_the_store(signed: SignedRun) -> None:
    assert signed.verify().exit_code == 0
    whole = signed.verify("--store", signed.store)
    assert (whole.exit_code, whole.codes) == (0, frozenset())


def test_copy_under_another_name_passes(signed: SignedRun, tmp_path: Path) -> None:
    copied = Path(shutil.copy(signed.model, tmp_path / "other name.skops"))
    assert signed.verify(path=copied).exit_code == 0


def test_offline_verification_needs_nothing_but_model_bundle_and_key(
    signed: SignedRun, tmp_path: Path
) -> None:
    for file in (signed.model, signed.bundle, signed.key):
        shutil.copy(file, tmp_path)
    shutil.rmtree(signed.folder)
    done = kprov("verify", "model", "--bundle", "bundle", "--key", "signer.pub", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "raw.csv" in done.stdout
    signed.folder.mkdir()  # the fixture restores it


def test_independent_verifier_walks_to_the_raw_bytes(signed: SignedRun) -> None:
    sha256sum = subprocess.run(
        ["sha256sum", signed.model, signed.folder / "raw.csv"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    model, raw = (line.split()[0] for line in sha256sum.stdout.splitlines())
    walked = independent_verifier.walk(signed.bundle.read_bytes(), signed.key.read_bytes(), model)
    assert any(raw in line for line in walked)


def test_published_model_and_bundle_verify_through_the_pointer(signed: SignedRun) -> None:
    pointer = json.loads((signed.folder / "published" / "tumour.json").read_text())
    done = signed.kprov(
        "verify", pointer["model"]["uri"], "--bundle", pointer["bundle"]["uri"],
        "--key", signed.key, "--json",
    )  # fmt: skip
    assert judged(done).exit_code == 0
    assert pointer["model"]["digest"].removeprefix("sha256:") in pointer["model"]["uri"]


def test_signing_from_outside_the_run_says_so(signed: SignedRun, tmp_path: Path) -> None:
    bundle = tmp_path / "outside.sigstore.jsonl"
    done = signed.kprov(
        "sign", signed.run, "--signer", f"file:{signed.folder / 'signer.key'}",
        "--subject", "train/model", "--store", signed.store, "-o", bundle,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    arguments = ("verify", signed.model, "--bundle", bundle, "--json")
    assert judged(signed.kprov(*arguments, "--key", signed.key)).exit_code == 0
    policy = signed.folder / "trust.toml"
    in_run = "https://kfp-provenance.dev/builders/in-run/v1"
    policy.write_text(f'version = 1\n[[signer]]\nkey = "signer.pub"\nbuilders = ["{in_run}"]\n')
    assert judged(signed.kprov(*arguments, "--trust", policy)).codes == {"BUILDER_UNTRUSTED"}


# --- bytes


def test_changed_model_is_refused(signed: SignedRun) -> None:
    flip(signed.model)
    found = signed.verify()
    assert (found.exit_code, found.codes) == (1, {"SUBJECT_MISMATCH"})


@pytest.mark.parametrize("output", OUTPUTS)
def test_stored_bytes_changed_after_signing(signed: SignedRun, output: str) -> None:
    flip(signed.outputs / output)
    found = signed.verify("--store", signed.store)
    assert found.exit_code == 1
    assert "STORED_BYTES_CHANGED" in found.codes


def test_raw_bytes_changed_after_signing(signed: SignedRun) -> None:
    flip(signed.folder / "raw.csv")
    found = signed.verify("--store", signed.store)
    assert (found.exit_code, found.codes) == (1, {"STORED_BYTES_CHANGED"})


def test_evidence_does_not_pass_for_the_model(signed: SignedRun) -> None:
    found = signed.verify(path=signed.outputs / "ingest" / "dataset")
    assert (found.exit_code, found.codes) == (1, {"SUBJECT_MISMATCH"})


def test_symlink_to_the_model_is_refused(signed: SignedRun, tmp_path: Path) -> None:
    link = tmp_path / "model"
    link.symlink_to(signed.model)
    found = signed.verify(path=link)
    assert (found.exit_code, found.codes) == (1, {"ARTIFACT_SYMLINK"})


def test_unread_bytes_are_a_note_and_not_a_pass_in_silence(signed: SignedRun) -> None:
    (signed.outputs / "ingest" / "profile").unlink()
    found = signed.verify("--store", signed.store)
    assert found.exit_code == 0
    notes = found.output["notes"]
    assert isinstance(notes, list)
    assert [note["code"] for note in notes] == ["STORED_BYTES_UNREAD"]


# --- records


def artifact_of(signed: SignedRun, name: str) -> str:
    return f"select id from Artifact where uri like '%/{signed.run}/{name}'"


def test_digest_rewritten_in_mlmd(signed: SignedRun) -> None:
    changed = signed.sql(
        "update ArtifactProperty set string_value = ? where name = 'digest' and artifact_id in "
        f"({artifact_of(signed, 'ingest/dataset')})",
        "sha256:" + "0" * 64,
    )
    assert changed == 1
    found = signed.verify("--store", signed.store)
    assert found.exit_code == 1
    assert "STORE_STEP_DIFFERS" in found.codes


def test_edge_dropped_in_mlmd(signed: SignedRun) -> None:
    where = f"artifact_id in ({artifact_of(signed, 'preprocess/training_data')})"
    assert signed.sql(f"delete from Event where type = 3 and {where}") > 0
    found = signed.verify("--store", signed.store)
    assert found.exit_code != 0
    assert found.codes & {"STORE_STEP_DIFFERS", "STORE_CORRUPT"}


def test_parameter_rewritten_in_mlmd(signed: SignedRun) -> None:
    changed = signed.sql(
        "update ExecutionProperty set string_value = replace(string_value, '0.2', '0.9') "
        "where name = 'parameters'"
    )
    assert changed > 0
    found = signed.verify("--store", signed.store)
    assert (found.exit_code, found.codes) == (1, {"STORE_STEP_DIFFERS"})


def test_mlmd_emptied(signed: SignedRun) -> None:
    for table in ("Execution", "Artifact", "Event", "Attribution", "Association"):
        signed.sql(f"delete from {table}")
    found = signed.verify("--store", signed.store)
    assert (found.exit_code, found.codes) == (1, {"STORE_STEP_MISSING"})


def test_missing_store_is_no_pass(signed: SignedRun) -> None:
    found = signed.verify("--store", f"sqlite:{signed.folder}/nowhere.db")
    assert (found.exit_code, found.codes) == (2, {"STORE_UNREACHABLE"})


# --- before signing: the same attacks must keep the chain from being signed


def sign_again(signed: SignedRun, *extra: str) -> tuple[int, frozenset[str]]:
    target = signed.folder / "again.sigstore.jsonl"
    found = judged(
        signed.kprov(
            "sign", signed.run, "--signer", f"file:{signed.folder / 'signer.key'}",
            "--subject", "train/model", "--store", signed.store, "-o", target, "--json", *extra,
        )
    )  # fmt: skip
    assert target.exists() == (found.exit_code == 0)
    return found.exit_code, found.codes


@pytest.mark.parametrize("output", ["ingest/dataset", "preprocess/test_data", "train/model"])
def test_changed_bytes_are_not_signed(signed: SignedRun, output: str) -> None:
    flip(signed.outputs / output)
    assert sign_again(signed) == (1, {"STORED_BYTES_CHANGED"})


def test_changed_raw_bytes_are_not_signed(signed: SignedRun) -> None:
    flip(signed.folder / "raw.csv")
    assert sign_again(signed) == (1, {"STORED_BYTES_CHANGED"})


@pytest.mark.parametrize("output", ["ingest/dataset", "preprocess/test_data", "train/model"])
def test_a_digest_rewritten_in_mlmd_is_not_signed(signed: SignedRun, output: str) -> None:
    changed = signed.sql(
        "update ArtifactProperty set string_value = ? where name = 'digest' and artifact_id in "
        f"({artifact_of(signed, output)})",
        "sha256:" + "0" * 64,
    )
    assert changed == 1
    assert sign_again(signed) == (1, {"STORED_BYTES_CHANGED"})


def test_a_rewritten_list_of_packages_is_not_signed(signed: SignedRun) -> None:
    changed = signed.sql(
        "update ContextProperty set string_value = replace(string_value, 'kfp==', 'kfq==') "
        "where name = 'packages'"
    )
    assert changed == 1
    assert sign_again(signed) == (2, {"STORE_CORRUPT"})


def test_removed_step_is_not_signed(signed: SignedRun) -> None:
    name = "select execution_id from ExecutionProperty where name='task' and string_value='ingest'"
    for table, column in (("Event", "execution_id"), ("Execution", "id")):
        assert signed.sql(f"delete from {table} where {column} in ({name})") > 0
    assert sign_again(signed) == (1, {"CHAIN_STEP_MISSING"})


def test_failed_step_is_not_signed(signed: SignedRun) -> None:
    changed = signed.sql(
        "update ExecutionProperty set string_value='FAILED' where name='outcome' and execution_id "
        "in (select execution_id from ExecutionProperty where name='task' and "
        "string_value='preprocess')"
    )
    assert changed == 1
    exit_code, codes = sign_again(signed)
    assert exit_code != 0
    assert codes & {"CHAIN_STEP_FAILED", "STORE_CORRUPT"}


def test_all_bytes_can_be_demanded(signed: SignedRun) -> None:
    (signed.outputs / "ingest" / "profile").unlink()
    assert sign_again(signed)[0] == 0
    (signed.folder / "again.sigstore.jsonl").unlink()
    exit_code, codes = sign_again(signed, "--require-all-bytes")
    assert (exit_code, codes) == (2, {"STORED_BYTES_UNREAD"})


# --- keys


def test_foreign_key_is_not_trusted(signed: SignedRun, tmp_path: Path) -> None:
    assert kprov("key", "new", tmp_path / "other.key", cwd=tmp_path).returncode == 0
    found = judged(
        signed.kprov(
            "verify", signed.model, "--bundle", signed.bundle,
            "--key", tmp_path / "other.pub", "--json",
        )
    )  # fmt: skip
    assert (found.exit_code, found.codes) == (1, {"SIGNER_UNTRUSTED"})


def test_secrets_of_the_run_are_in_no_file(signed: SignedRun) -> None:
    from support.signed_run import PASSPHRASE

    for path in signed.folder.rglob("*"):
        if path.is_file():
            assert PASSPHRASE.encode() not in path.read_bytes(), path


# --- bad usage: one clear line, no traceback


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("--bundle", "nowhere.jsonl"), "BUNDLE_MISSING"),
        (("--key", "nowhere.pub"), "TRUST_INVALID"),
        (("--key", "raw.csv"), "TRUST_INVALID"),
        (("--bundle", "raw.csv"), "BUNDLE_MALFORMED"),
        (("--trust", "raw.csv"), "USAGE"),
    ],
)
def test_bad_usage_is_clear(signed: SignedRun, change: tuple[str, str], code: str) -> None:
    options = {"--bundle": str(signed.bundle), "--key": str(signed.key)}
    options[change[0]] = change[1]
    words = [word for pair in options.items() for word in pair]
    done = signed.kprov("verify", signed.model, *words, "--json")
    found = judged(done)
    assert found.codes == {code}
    assert found.exit_code in (1, 2)


def test_missing_model_is_undecided(signed: SignedRun) -> None:
    found = signed.verify(path=signed.folder / "nowhere")
    assert (found.exit_code, found.codes) == (2, {"ARTIFACT_MISSING"})


def test_module_runs_without_being_installed_as_a_script(signed: SignedRun) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kfp_provenance", "--help"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "Exit codes" in done.stdout
