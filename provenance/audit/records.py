"""What the trail holds: frozen, without I/O. The format is docs/reference/audit-trail.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kfp_provenance.facts import Digest, Finding


class Place(StrEnum):
    """Where the gate decided."""

    SUBMIT = "submit"
    PROMOTION = "promotion"
    ADMISSION = "admission"
    LOAD = "load"


class Outcome(StrEnum):
    """What the gate answered."""

    ALLOWED = "allowed"
    REFUSED = "refused"


@dataclass(frozen=True)
class Requester:
    """Who asked, as the place that was asked knows it.

    Attributes:
        user: Name of the user or the service account.
        groups: Groups of the user.
    """

    user: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """What was asked for.

    Attributes:
        kind: Kind of the object, for example ``InferenceService`` or ``Pipeline``.
        namespace: Kubernetes namespace; empty if there is none.
        name: Name of the object.
        operation: What is to be done with it, for example ``CREATE``.
        dry_run: Nothing would have come of it.
    """

    kind: str
    namespace: str
    name: str
    operation: str = ""
    dry_run: bool = False


@dataclass(frozen=True)
class JudgedModel:
    """A model that the decision is about, as far as it was known.

    Attributes:
        uri: Where it is, without credentials.
        name: Name that it was published under.
        model_digest: Of its bytes.
        bundle_digest: Of its provenance bundle.
        promotion_digest: Of its promotion to the environment.
        signers: Who signed, as the trust policy names them.
    """

    uri: str
    name: str = ""
    model_digest: Digest | None = None
    bundle_digest: Digest | None = None
    promotion_digest: Digest | None = None
    signers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """One decision of the gate.

    Attributes:
        place: Where it was taken.
        outcome: What was answered.
        time: When it was taken, with a time zone.
        requester: Who asked.
        target: What was asked for.
        request_id: Of the request, as the place names it (``uid`` of an AdmissionReview).
        environment: Name of the environment whose policy decided.
        enforced: False if a refusal was only told and the object went through.
        findings: Why it was refused, or what a reader should know although it was not.
        models: What it was about.
        policy_revision: Digest of the policy that decided; empty if none could be read.
        revocation_revision: Of the revocations and withdrawals, likewise.
        opa_decision_ids: Under which OPA's own decision log has its part.
        gate_version: Version of this package that decided.
        duration: Microseconds that it took to decide.
        omitted: How many elements of a list were left out, by the name of the list. Set by
            the trail, which bounds the size of a record.
    """

    place: Place
    outcome: Outcome
    time: datetime
    requester: Requester
    target: Target
    request_id: str = ""
    environment: str = ""
    enforced: bool = True
    findings: tuple[Finding, ...] = ()
    models: tuple[JudgedModel, ...] = ()
    policy_revision: str = ""
    revocation_revision: str = ""
    opa_decision_ids: tuple[str, ...] = ()
    gate_version: str = ""
    duration: int = 0
    omitted: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Tip:
    """One line of a chain, and so all lines before it.

    As a receipt it says that the line is on stable storage; in a start or a checkpoint, how
    far the chain was then.

    Attributes:
        chain: Id of the chain.
        sequence: Place in the chain.
        digest: SHA-256 of the line, which the next line repeats.
    """

    chain: str
    sequence: int
    digest: Digest

    @property
    def id(self) -> str:
        """``CHAIN/SEQUENCE``: how a decision is named."""
        return f"{self.chain}/{self.sequence}"


@dataclass(frozen=True)
class Start:
    """First line of a chain: who writes it, and how far the other chains were then.

    Attributes:
        replica: Name of the process for people.
        signer: Name of the signer of its checkpoints; empty if it is not signed.
        follows: Chains of the same trail that were there before it.
    """

    replica: str
    signer: str
    follows: tuple[Tip, ...] = ()


@dataclass(frozen=True)
class CheckpointMark:
    """A checkpoint was stored: number, and SHA-256 of its line.

    Attributes:
        number: From 1 in each chain.
        digest: SHA-256 of the Sigstore bundle that it is.
    """

    number: int
    digest: Digest


@dataclass(frozen=True)
class End:
    """Last line of a chain that was closed."""


@dataclass(frozen=True)
class Entry:
    """One line of a chain.

    Attributes:
        chain: Id of the chain.
        sequence: 0 for the start, then counting up.
        previous: Digest of the line before; None for the start.
        time: When the line was made.
        content: A decision, or what the trail says about itself.
        digest: SHA-256 of the line without its newline.
    """

    chain: str
    sequence: int
    previous: Digest | None
    time: datetime
    content: Record | Start | CheckpointMark | End
    digest: Digest


@dataclass(frozen=True)
class RecordedDecision:
    """A decision and where it stands in the trail."""

    chain: str
    sequence: int
    time: datetime
    digest: Digest
    record: Record

    @property
    def id(self) -> str:
        """``CHAIN/SEQUENCE``: how a decision is named."""
        return f"{self.chain}/{self.sequence}"
