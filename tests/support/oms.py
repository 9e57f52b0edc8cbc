"""Models, what happens to them, and the stock ``model_signing`` program that judges them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kfp_provenance.signing import KeySigner
from kfp_provenance.signing.oms import sign_model
from support.chains import key_pair


@pytest.fixture
def signer(tmp_path: Path) -> KeySigner:
    return key_pair(tmp_path)[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.skops"
    path.write_bytes(os.urandom(70_000))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with all that is easily left out: git's files, an empty one, other letters."""
    path = tmp_path / "model"
    for name, data in {
        "config.json": b"{}",
        "weights/0.bin": b"w0",
        "weights/1.bin": b"w1",
        "weights/empty.bin": b"",
        "tokenizer \u00e9.txt": b"t",
    }.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def stock(method: str, model: Path, signature: Path, *options: object) -> str:
    """What the program finds wrong; empty if nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "model_signing", "verify", method, model, "--signature", signature,
         *map(str, options)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, 1), done.stderr
    if done.returncode == 0:
        assert "Verification succeeded" in done.stdout
        return ""
    return done.stderr or "refused"


def signature_of(model: Path, signer: KeySigner) -> Path:
    """Signature and public key beside the model."""
    target = model.parent / "model.oms.json"
    target.write_bytes(sign_model(model, signer, target=target))
    public = model.parent / "public.pem"
    public.write_bytes(signer.public_pem)
    return target


def by_key(model: Path, signature: Path, *options: object) -> str:
    return stock("key", model, signature, "--public_key", model.parent / "public.pem", *options)


def change(path: Path) -> None:
    file = path / "weights" / "0.bin" if path.is_dir() else path
    file.write_bytes(b"x" + file.read_bytes()[1:])


def rename(path: Path) -> None:
    (path / "weights" / "0.bin").rename(path / "weights" / "2.bin")


def swap(path: Path) -> None:
    one, other, spare = (path / "weights" / name for name in ("0.bin", "1.bin", "spare"))
    one.rename(spare)
    other.rename(one)
    spare.rename(other)


def add(path: Path) -> None:
    (path / "weights" / "3.bin").write_bytes(b"")


def drop(path: Path) -> None:
    (path / "weights" / "empty.bin").unlink()


def fill(path: Path) -> None:
    (path / "weights" / "empty.bin").write_bytes(b"x")
