"""A real run of ``tabular_training``, signed, with everything that it left behind."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True)
class SignedRun:
    """Folder of a run; a test that tampers works on a copy (:meth:`copy`)."""

    folder: Path

    @property
    def run(self) -> str:
        (name,) = [p.name for p in (self.folder / "runs").iterdir() if p.is_dir()]
        return name

    @property
    def outputs(self) -> Path:
        return self.folder / "runs" / self.run

    @property
    def model(self) -> Path:
        return self.outputs / "train" / "model"

    @property
    def bundle(self) -> Path:
        return self.outputs / "sign" / "bundle"

    @property
    def database(self) -> Path:
        return self.folder / "metadata.db"

    @property
    def store(self) -> str:
        return f"sqlite:{self.database}"

    @property
    def key(self) -> Path:
        return self.folder / "signer.pub"

    def copy(self, target: Path) -> SignedRun:
        """Restore the folder after a test: recorded URIs are absolute, so tests work in place."""
        shutil.copytree(self.folder, target, dirs_exist_ok=True)
        return SignedRun(target)

    def sql(self, statement: str, *values: object) -> int:
        """Change MLMD's rows behind its back; returns the number of changed rows."""
        with sqlite3.connect(self.database) as connection:
            return connection.execute(statement, values).rowcount

    def kprov(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return kprov(*arguments, cwd=self.folder)

    def verify(self, *extra: object, path: Path | None = None) -> Judged:
        done = self.kprov(
            "verify", path or self.model, "--bundle", self.bundle, "--key", self.key, "--json",
            *extra,
        )  # fmt: skip
        return judged(done)


@dataclass(frozen=True)
class Judged:
    """What ``kprov ... --json`` said."""

    exit_code: int
    codes: frozenset[str]
    output: dict[str, object]


def judged(done: subprocess.CompletedProcess[str]) -> Judged:
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout, done.stderr
    output = json.loads(done.stdout)
    findings = [output["error"]] if "error" in output else output.get("findings", [])
    return Judged(done.returncode, frozenset(f["code"] for f in findings), output)


def kprov(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The program as a user calls it."""
    environment = {**os.environ, "KPROV_KEY_PASSPHRASE": PASSPHRASE, "KPROV_PACKAGE": "image"}
    environment.pop("KPROV_STORE", None)
    return subprocess.run(
        [sys.executable, "-m", "kfp_provenance", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def make_signed_run(
    folder: Path,
    *,
    upload: Callable[[Path], object] | None = None,
    source: str = "",
    destination: str = "",
    options: Sequence[str] = (),
) -> SignedRun:
    """Run the pipeline on scikit-learn's breast cancer data.

    Args:
        folder: Where everything goes.
        upload: Puts the raw CSV to where ``source`` says.
        source: URI of the raw CSV; the file in ``folder`` if empty.
        destination: Where models are published; a folder in ``folder`` if empty.
        options: More of ``kprov run``; what they set is set last.
    """
    from sklearn.datasets import load_breast_cancer

    folder.mkdir(parents=True, exist_ok=True)
    frame = load_breast_cancer(as_frame=True).frame
    frame.columns = [str(name).replace(" ", "_") for name in frame.columns]
    raw = folder / "raw.csv"
    frame.to_csv(raw, index=False)
    if upload is not None:
        upload(raw)
    made = kprov("key", "new", folder / "signer.key", cwd=folder)
    assert made.returncode == 0, made.stderr
    done = kprov(
        "run", "tabular_training", "--root", folder / "runs",
        "--store", f"sqlite:{folder / 'metadata.db'}",
        "-p", f"source={source or raw}",
        "-p", "label=target",
        "-p", f"signer=file:{folder / 'signer.key'}",
        "-p", "public_key=" + json.dumps((folder / "signer.pub").read_text()),
        "-p", f"destination={destination or folder / 'published'}",
        "-p", "model_name=tumour",
        "-p", "estimator=sklearn.linear_model.LogisticRegression",
        *options, "--json",
        cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for file in ("pipeline.yaml", "run.log"):
        (folder / "runs" / file).rename(folder / file)
    return SignedRun(folder)
