"""What verifying a trail found."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from kfp_provenance.audit.checkpoints import Checkpoint
from kfp_provenance.audit.records import Tip
from kfp_provenance.facts import Finding, Verdict

_MOST = 1000


@dataclass(frozen=True)
class ChainReport:
    """One chain as it was read.

    Attributes:
        chain: Its id.
        replica: Who wrote it; empty if its start is missing.
        lines: Lines that were read.
        decisions: Decisions among them.
        tip: Newest line.
        ended: It was closed.
        covered: Decisions up to the newest line that a signature covers.
        last: Time of the newest line.
        checkpoint: The checkpoint that covers most; None if none holds.
    """

    chain: str
    replica: str
    lines: int
    decisions: int
    tip: Tip | None
    ended: bool
    covered: int
    last: datetime | None
    checkpoint: Checkpoint | None = None

    @property
    def not_covered(self) -> int:
        """Decisions behind the newest line that a signature covers."""
        return self.decisions - self.covered


@dataclass(frozen=True)
class TrailReport:
    """The judgement over a trail.

    Attributes:
        uri: The trail.
        verdict: Whether it holds.
        chains: What was read, the oldest first.
    """

    uri: str
    verdict: Verdict
    chains: tuple[ChainReport, ...]

    @property
    def decisions(self) -> int:
        """Of all chains."""
        return sum(chain.decisions for chain in self.chains)

    @property
    def not_covered(self) -> int:
        """Decisions that no signature covers yet."""
        return sum(chain.not_covered for chain in self.chains)


@dataclass
class Collected:
    """Findings and notes, of which a damaged trail has as many as lines: some are kept."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    def refuse(self, finding: Finding) -> None:
        """Add a finding, unless there are too many."""
        if len(self.findings) < _MOST:
            self.findings.append(finding)

    def note(self, finding: Finding) -> None:
        """Add a note, likewise."""
        if len(self.notes) < _MOST:
            self.notes.append(finding)

    @property
    def verdict(self) -> Verdict:
        """All of it."""
        return Verdict(tuple(self.findings), tuple(self.notes))
