"""Trails of real decisions, and what an attacker does to their files."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kfp_provenance.attest.identifiers import GATE_BUILDER
from kfp_provenance.audit import (
    AuditTrail,
    JudgedModel,
    Outcome,
    Place,
    Record,
    Requester,
    Target,
    TrailReport,
    verify_trail,
)
from kfp_provenance.codes import Code
from kfp_provenance.facts import Digest, Finding
from kfp_provenance.signing import KeySigner
from kfp_provenance.verify import Trust
from support.chains import key_pair

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODEL = Digest("a" * 64)
BUNDLE = Digest("b" * 64)


def record(number: int = 0, **changed: object) -> Record:
    """A refused admission; a second later for each number."""
    fields: dict[str, object] = {
        "place": Place.ADMISSION,
        "outcome": Outcome.REFUSED,
        "time": NOON + timedelta(seconds=number),
        "requester": Requester("system:serviceaccount:ml:deployer", ("system:authenticated",)),
        "target": Target("InferenceService", "ml", f"model-{number}", "CREATE"),
        "request_id": f"request-{number}",
        "environment": "production",
        "findings": (
            Finding(
                Code.DIGEST_REVOKED,
                "the data set was revoked",
                step="ingest",
                artifact="data",
                expected="a digest that is not revoked",
                found=str(MODEL),
                remedy="train again",
            ),
        ),
        "models": (JudgedModel("gs://models/credit", "credit", MODEL, BUNDLE, None, ("ci",)),),
        "policy_revision": f"sha256:{'c' * 64}",
        "revocation_revision": f"sha256:{'d' * 64}",
        "opa_decision_ids": (f"opa-{number}",),
        "gate_version": "0.1.0",
        "duration": 1234,
    }
    return Record(**{**fields, **changed})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Gate:
    """A folder for a trail, its signer, and whom an auditor believes."""

    folder: Path
    signer: KeySigner
    trust: Trust
    public: Path

    def open(self, replica: str = "gate-0", **options: object) -> AuditTrail:
        """A new chain of the trail."""
        given = {"signer": self.signer, "checkpoint_seconds": 600.0, **options}
        return AuditTrail.open(str(self.folder), replica=replica, **given)  # type: ignore[arg-type]

    def write(self, count: int, replica: str = "gate-0", **options: object) -> list[str]:
        """A chain with so many decisions, closed; their ids."""
        with self.open(replica, **options) as trail:
            return [trail.append(record(number)).id for number in range(count)]

    def verify(self, *expected: bytes) -> TrailReport:
        """What an auditor finds."""
        return verify_trail(str(self.folder), self.trust, expected)

    def codes(self, *expected: bytes) -> set[Code]:
        """Codes of what an auditor finds."""
        return {finding.code for finding in self.verify(*expected).verdict.findings}

    def chains(self) -> list[Path]:
        """Folders of the chains, the oldest first."""
        return sorted(self.folder.iterdir())


def gate(folder: Path) -> Gate:
    """A new signer for a trail in ``folder``, which is not made yet."""
    folder.mkdir(exist_ok=True, parents=True)
    signer, pem = key_pair(folder, "gate")
    trust = Trust.for_key(pem, (GATE_BUILDER,), name="gate.pub")
    return Gate(folder / "trail", signer, trust, folder / "gate.pub")


def records_file(chain: Path) -> Path:
    """The only file of records of a chain."""
    (path,) = chain.glob("records-*.jsonl")
    return path


def checkpoints_file(chain: Path) -> Path:
    """The only file of checkpoints of a chain."""
    (path,) = chain.glob("checkpoints-*.jsonl")
    return path


@contextmanager
def edited(path: Path) -> Iterator[list[bytes]]:
    """Lines of a file, to be changed; written back."""
    lines = path.read_bytes().splitlines(keepends=True)
    yield lines
    path.write_bytes(b"".join(lines))


def write_signed(made: Gate) -> None:
    """A closed chain of 20 decisions, with at least 5 checkpoints."""
    with made.open(checkpoint_records=5) as trail:
        for number in range(20):
            trail.append(record(number))
            if number % 5 == 4:
                wait_for(lambda: not trail.status().not_covered)


def altered(line: bytes) -> bytes:
    """A line that says something else, and is still canonical."""
    changed = re.sub(rb'"outcome":"refused"', b'"outcome":"allowed"', line)
    if changed != line:
        return changed
    return re.sub(rb'"time":"20(\d\d)', rb'"time":"19\1', line)


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Until it holds; not longer than that."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        os.sched_yield()
