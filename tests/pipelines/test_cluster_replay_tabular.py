"""The whole ``tabular_training`` as a cluster runs it: fresh, cached, tampered with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from sklearn.datasets import load_breast_cancer

from kfp_provenance.facts import Outcome
from kfp_provenance.metadata import open_reader
from support.independent_verifier import CHAIN, open_line
from support.launcher import Backend, ClusterRun, backend

PASSPHRASE = "correct horse battery staple"
TASKS = ["ingest", "preprocess", "train", "evaluate", "sign", "publish"]


def kprov(*arguments: object, code: int = 0) -> str:
    """Run the command line in a process of its own."""
    done = subprocess.run(
        [Path(sys.executable).with_name("kprov"), *map(str, arguments)],
        env={**os.environ, "KPROV_KEY_PASSPHRASE": PASSPHRASE},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Team:
    """What a team has: data, a key, a compiled pipeline, a cluster."""

    folder: Path
    backend: Backend

    @property
    def store(self) -> str:
        return f"sqlite:{self.folder}/metadata.db"

    @property
    def public_key(self) -> Path:
        return self.folder / "signer.pub"

    def train(self, **arguments: object) -> ClusterRun:
        given = {
            "source": str(self.folder / "raw.csv"),
            "label": "target",
            "signer": f"file:{self.folder}/signer.key",
            "public_key": self.public_key.read_text(),
            "destination": str(self.folder / "published"),
            "model_name": "tumour",
            "estimator": "sklearn.linear_model.LogisticRegression",
            "hyperparameters": {"max_iter": 200},
            "thresholds": {"accuracy": {"minimum": 0.8}},
            "image": "registry.example/kfp-provenance@sha256:" + "a" * 64,
            **arguments,
        }
        return self.backend.submit(self.folder / "pipeline.yaml", given)

    def verdict(self, run: ClusterRun) -> str:
        """What ``kprov verify`` says of the model and the bundle in the object store."""
        answer = kprov(
            "verify", self.backend.object_of(run, "train", "model"),
            "--bundle", self.backend.object_of(run, "sign", "bundle"),
            "--key", self.public_key, "--json",
        )  # fmt: skip
        return str(json.loads(answer)["verdict"])

    def summary(self, run: ClusterRun) -> dict[str, object]:
        """What the verification summary says of the chain, read without the package."""
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        key = load_pem_public_key(self.public_key.read_bytes())
        lines = self.backend.object_of(run, "sign", "bundle").read_bytes().splitlines()
        statements = [open_line(line, key) for line in lines]  # type: ignore[arg-type]
        (found,) = (s for s in statements if "verification_summary" in s["predicateType"])
        chain: dict[str, object] = found["predicate"][CHAIN]
        return chain


@pytest.fixture(name="team")
def team_with_a_cluster(tmp_path: Path) -> Iterator[Team]:
    load_breast_cancer(as_frame=True).frame.to_csv(tmp_path / "raw.csv", index=False)
    kprov("key", "new", tmp_path / "signer.key")
    kprov("compile", "tabular_training", "-o", tmp_path / "pipeline.yaml", "--package", "image")
    environ = {
        "KPROV_STORE": f"sqlite:{tmp_path}/metadata.db",
        "KPROV_KEY_PASSPHRASE": PASSPHRASE,
        "POD_NAMESPACE": "team-a",
    }
    with backend(tmp_path, environ) as one:
        yield Team(tmp_path, one)


@pytest.mark.slow
def test_three_runs(team: Team) -> None:
    # 1: everything runs, is signed and verifies
    first = team.train()
    assert first.states == dict.fromkeys(TASKS, "COMPLETE"), list(first.logs.values())[-1]
    assert team.verdict(first) == "pass"
    assert team.summary(first)["run"] == first.id
    with closing(open_reader(team.store)) as reader:
        recorded = reader.run(first.id)
    assert {step.outcome for step in recorded.steps} == {Outcome.SUCCEEDED}
    assert {step.component.image for step in recorded.steps} == {
        "registry.example/kfp-provenance@sha256:" + "a" * 64
    }
    assert (team.folder / "published" / "tumour.json").exists()

    # 2: the cache does the work, and the bundle says whose work it is
    second = team.train()
    assert second.states == {
        **dict.fromkeys(TASKS, "CACHED"), "sign": "COMPLETE", "publish": "COMPLETE",
    }, second.logs  # fmt: skip
    assert team.verdict(second) == "pass"
    summary = team.summary(second)
    assert (summary["run"], summary["reusedRuns"]) == (second.id, [first.id])

    # 3: somebody overwrote a stored data set
    stored = team.backend.object_of(first, "preprocess", "training_data")
    original = stored.read_bytes()
    stored.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    third = team.train()
    assert third.states["train"] == "CACHED"
    assert third.states["sign"] == "FAILED"
    assert "INPUT_DIGEST_MISMATCH" in third.logs["sign"]
    # and nobody trains on it either
    fourth = team.train(hyperparameters={"max_iter": 201})
    assert fourth.states["train"] == "FAILED"
    assert "INPUT_DIGEST_MISMATCH" in fourth.logs["train"]
    # the right bytes are accepted again
    stored.write_bytes(original)
    assert team.train().states["sign"] == "COMPLETE"
