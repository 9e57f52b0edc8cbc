"""``kprov sign --oms`` on a real run, judged by the stock ``model_signing``."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.oms import stock
from support.signed_run import SignedRun, judged, make_signed_run

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SignedRun:
    return make_signed_run(tmp_path_factory.mktemp("oms"))


def sign(run: SignedRun, target: Path, bundle: Path) -> int:
    done = run.kprov(
        "sign", run.run, "--store", run.store, "--signer", f"file:{run.folder / 'signer.key'}",
        "--subject", "train/model", "-o", bundle, "--oms", target, "--json",
    )  # fmt: skip
    return judged(done).exit_code


def test_the_model_beside_its_oms_signature(run: SignedRun, tmp_path: Path) -> None:
    signature, bundle = tmp_path / "model.sig", tmp_path / "model.sigstore.jsonl"
    assert sign(run, signature, bundle) == 0
    assert stock("key", run.model, signature, "--public_key", run.key) == ""
    changed = tmp_path / "model"
    changed.write_bytes(run.model.read_bytes() + b"x")
    assert stock("key", changed, signature, "--public_key", run.key)


def test_bytes_that_changed_get_neither_bundle_nor_signature(
    run: SignedRun, tmp_path: Path
) -> None:
    before = run.model.read_bytes()
    try:
        run.model.write_bytes(before + b"x")
        assert sign(run, tmp_path / "sig", tmp_path / "bundle") == 1
    finally:
        run.model.write_bytes(before)
    assert not (tmp_path / "sig").exists()
    assert not (tmp_path / "bundle").exists()
