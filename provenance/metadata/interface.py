"""What the project asks of a metadata store; MLMD is one implementation.

Evidence is the signed bundle. A store is an index: it may be lost or rewritten, and
``verify`` notices. Images that cannot load MLMD will record through a service that
implements the same two protocols.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kfp_provenance.facts import Digest, Environment, Run, Step


@dataclass(frozen=True)
class RunSummary:
    """One line of ``kprov runs``.

    Attributes:
        id: Id of the run.
        pipeline: Name of the pipeline.
        namespace: Kubernetes namespace; empty for a local run.
        steps: Number of recorded steps.
        failed: How many of them failed.
        started: Start of the first step, UTC.
        finished: End of the last step, UTC.
    """

    id: str
    pipeline: str
    namespace: str
    steps: int
    failed: int
    started: datetime
    finished: datetime


Attest = Callable[[Step], bytes | None]
"""Signs a step as it will be stored; one line of a bundle, or None for one that is not stated."""


class Recorder(Protocol):
    """Writes steps."""

    def record(self, step: Step, environment: Environment, attest: Attest | None = None) -> None:
        """Store one step, whole or not at all.

        With ``attest``, what it returns for the step as it is stored is stored with it, in
        the same write; what it raises leaves nothing stored.

        Recording the same step (same ``id``) again is a no-op, so that a write whose
        outcome is unknown can be tried again.

        A ``step.attempt`` of 0 means that the caller cannot know it (a retry of the
        local runner): it is recorded as 1 + the number of steps recorded before it
        with the same run and task.

        Raises:
            StoreError: If the step is not stored: STORE_VALUE_REFUSED for a value that
                the store would not give back unchanged, STORE_CONFLICT if another step
                is recorded under this id, STORE_UNREACHABLE if the store stays busy.
        """

    def close(self) -> None:
        """Release the connection."""


class Reader(Protocol):
    """Reads steps, rebuilt from the store's own rows and edges."""

    def runs(self, limit: int = 100) -> tuple[RunSummary, ...]:
        """Newest runs first."""

    def run(self, run_id: str) -> Run:
        """All steps of a run.

        Raises:
            StoreError: RUN_NOT_FOUND if no step of it is recorded; STORE_CORRUPT if the
                rows of one are not what a recorder writes.
        """

    def step(self, step_id: str) -> Step | None:
        """One step, or None.

        Raises:
            StoreError: STORE_CORRUPT if its rows are not what a recorder writes.
        """

    def attestation(self, step_id: str) -> bytes | None:
        """What the step's own task signed when it was recorded, or None; not verified."""

    def environment(self, digest: Digest) -> Environment | None:
        """The Python environment with its list of packages, or None."""

    def close(self) -> None:
        """Release the connection."""
