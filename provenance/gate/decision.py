"""What the gate is asked, what it is shown, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from kfp_provenance.codes import ExitCode
from kfp_provenance.facts import Digest, Finding, Verdict
from kfp_provenance.policy.answer import RuleAnswer
from kfp_provenance.verify import ChainView, Observed


class Place(StrEnum):
    """Where the gate stands."""

    SUBMIT = "submit"
    PROMOTION = "promotion"
    ADMISSION = "admission"
    LOAD = "load"


@dataclass(frozen=True)
class Request:
    """Who wants to do what.

    Attributes:
        place: Where it was asked.
        id: Names the request: the UID of an admission review, or a random one.
        user: Who asks, as the platform authenticated it; empty where nobody did.
        groups: Groups of the user.
        operation: For example ``CREATE``, ``promote`` or ``load``.
        kind: Kind of the object, for example ``InferenceService.serving.kserve.io``.
        namespace: Its namespace; empty outside a cluster.
        name: Its name; may be empty.
        dry_run: Whether nothing will come of it.
    """

    place: Place
    id: str
    user: str = ""
    groups: tuple[str, ...] = ()
    operation: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    dry_run: bool = False


@dataclass(frozen=True)
class ModelEvidence:
    """One model that an object names, and what was found about it.

    Attributes:
        place: Where the object names it, for example ``spec.predictor.model.storageUri``.
        uri: Where its bytes are, without credentials.
        observed: Its digest: of its bytes if ``hashed``, else as its content-addressed
            path says; None if neither is known.
        hashed: Whether the bytes themselves were hashed for this decision.
        bundles: Candidates for its provenance bundle: the bytes of files.
        promotions: Candidates for its promotion: the bytes of files.
        findings: What could not be read, or may not be.
    """

    place: str
    uri: str
    observed: Observed | None = None
    hashed: bool = False
    bundles: tuple[bytes, ...] = ()
    promotions: tuple[bytes, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Everything that one decision is made of; whoever collects it does the reading.

    Attributes:
        models: The models that the object names.
        rules: What the rules of the platform answered, one for each question; a question
            without an answer is in ``findings``.
        findings: What is wrong with the object itself, or could not be found out.
    """

    models: tuple[ModelEvidence, ...] = ()
    rules: tuple[RuleAnswer, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class JudgedModel:
    """A model and the evidence that it was let through, or refused, with.

    Attributes:
        place: Where the object names it.
        uri: Where its bytes are.
        digest: Its digest, if known.
        bundle: Digest of the bundle file that was judged; None without one.
        promotion: Digest of the promotion that holds; None without one.
        verdict: The judgement over its chain.
        view: The chain, if its lines are authentic.
    """

    place: str
    uri: str
    digest: Digest | None
    bundle: Digest | None
    promotion: Digest | None
    verdict: Verdict
    view: ChainView | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Decision:
    """Allowed, or refused with the reasons.

    Attributes:
        request: What was asked.
        environment: Environment whose policy was applied; empty if there is none.
        findings: Why not; empty if it is allowed.
        notes: What a reader should know although it is allowed.
        models: Every model of the object.
        policy_revision: Digest of the policy that was applied; None without one.
        revocation_revision: Digest of what is revoked and withdrawn; None without a policy.
        rule_decisions: Ids under which Open Policy Agent logged its decisions.
        rule_revisions: Revisions of the rules that it applied.
    """

    request: Request
    environment: str
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...] = ()
    models: tuple[JudgedModel, ...] = ()
    policy_revision: Digest | None = None
    revocation_revision: Digest | None = None
    rule_decisions: tuple[str, ...] = ()
    rule_revisions: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """True only if nothing was found."""
        return not self.findings

    @property
    def exit_code(self) -> ExitCode:
        """What ``kprov`` returns for it."""
        return Verdict(self.findings).exit_code
