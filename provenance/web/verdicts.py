"""The verdict beside a model: of its bundle, and of whether this store says the same.

Stored bytes are not read again: the model is known here by the digest in the store. So a
pass means that whoever has bytes of this digest may believe the chain behind them. Nothing
is a pass that was not verified.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kfp_provenance.codes import ExitCode
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.facts import ArtifactKind, Digest, Finding, Verdict
from kfp_provenance.metadata import LineageIndex
from kfp_provenance.verify import ChainView, Trust, Verification, verify_bundle
from kfp_provenance.web.agreement import compared
from kfp_provenance.web.bundles import BundleFolder, Located, Search, search_bundles
from kfp_provenance.web.family import Family, family_of
from kfp_provenance.web.graphs import Recent
from kfp_provenance.web.references import Content
from kfp_provenance.web.settings import TrustFactory, WebSettings

_AGE = 300
"""Seconds that a judgement stands: a policy may say how old a signature can be."""
_TRUST_AGE = 10
"""Seconds until a changed trust policy is noticed."""
_KEPT = 2000


_NO_VERDICT = Verdict()


class State(StrEnum):
    """What is known of a chain."""

    PASS = "pass"  # noqa: S105 - a verdict
    REFUSED = "refused"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Judgement:
    """The verdict over one model.

    Attributes:
        state: A pass only if a bundle was verified and this store agrees with it.
        reason: In a sentence.
        verdict: Findings and notes; empty if nothing was judged.
        view: The signed chain, if it could be believed.
        bundle: What was judged.
        judged: When.
        tried: Bundles that could not be read, and why.
    """

    state: State
    reason: str
    verdict: Verdict = _NO_VERDICT
    view: ChainView | None = None
    bundle: Located | None = None
    judged: datetime | None = None
    tried: tuple[str, ...] = ()

    @property
    def brief(self) -> str:
        """What a list says beside the word; nothing beside a plain pass."""
        if self.state is State.PASS:
            return "as evidence" if self.bundle and self.bundle.subject else ""
        if not self.verdict.findings:
            return self.reason
        first, *others = self.verdict.findings
        return f"{first.code} and {len(others)} more" if others else str(first.code)

    def groups(self) -> list[tuple[Finding, ...]]:
        """Findings that say the same of several lines or steps, together."""
        alike: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
        for finding in self.verdict.findings:
            alike[finding.code, finding.message, finding.remedy].append(finding)
        return [tuple(findings) for findings in alike.values()]


@dataclass(frozen=True)
class _Observed:
    digest: Digest
    kind: ArtifactKind


class TrustSource:
    """The trust policy as it is now; read again when it may have changed."""

    def __init__(self, factory: TrustFactory, clock: Callable[[], float] = time.monotonic) -> None:
        self._factory, self._clock = factory, clock
        self._lock = threading.Lock()
        self._read: tuple[float, Trust] | None = None

    def current(self) -> Trust:
        """The policy.

        Raises:
            ProvenanceError: If it cannot be used; an older one is not used instead.
        """
        with self._lock:
            now = self._clock()
            if self._read is None or now - self._read[0] >= _TRUST_AGE:
                self._read = None
                self._read = (now, self._factory())
            return self._read[1]


class Judge:
    """Judges models.

    Args:
        settings: Whom to believe, and where bundles are.
    """

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._trust = TrustSource(settings.trust) if settings.trust else None
        folder = settings.bundles
        self._folder = BundleFolder(folder, settings.limits.bundles) if folder else None
        self._verified: Recent[Verification] = Recent(_AGE, _KEPT)

    def judge(
        self, index: LineageIndex, content: Content, family: Family | None = None
    ) -> Judgement:
        """The verdict over a model.

        Args:
            index: The store.
            content: The model.
            family: What :func:`family_of` says of it, if the caller has it already.

        Raises:
            StoreError: If the store cannot be read.
        """
        if content.newest.digest is None or content.newest.kind not in set(ArtifactKind):
            return _not_judged("the store has no digest of it: it was not made by a tracked step")
        if self._trust is None:
            return _not_judged("nobody said whose signature to believe (--trust or --key)")
        try:
            trust = self._trust.current()
        except ProvenanceError as error:
            return _not_judged(f"the trust policy cannot be used: {error.code} {error.message}")
        family = family or family_of(index, content, self._settings.limits)
        search = search_bundles(content, family, self._folder)
        if not search.found:
            reason = "its bundle could not be read" if search.tried else "no bundle was found"
            return _not_judged(reason, search.tried)
        observed = _Observed(content.newest.digest, ArtifactKind(content.newest.kind))
        judged = [self._judged(index, found, trust, observed, search) for found in search.found]
        order = list(State)
        return min(judged, key=lambda judgement: order.index(judgement.state))

    def _judged(
        self,
        index: LineageIndex,
        located: Located,
        trust: Trust,
        observed: _Observed,
        search: Search,
    ) -> Judgement:
        now = self._settings.clock()
        revision = str(trust.revision or [signer.label for signer in trust.signers])
        found = self._verified.get(
            (located.digest, revision, observed, located.subject),
            lambda: verify_bundle(
                located.data, trust, observed, now=now, subject_name=located.subject
            ),
        )
        verdict = found.verdict
        if verdict.passed and found.view is not None:
            findings = tuple(compared(index, found.view))
            verdict = Verdict(findings, verdict.notes)
        state, reason = _said(verdict)
        if located.subject is not None:
            reason += f"; signed as evidence ({located.subject}), not as a model"
        return Judgement(
            state,
            reason,
            verdict=verdict,
            view=found.view,
            bundle=located,
            judged=now,
            tried=search.tried,
        )


def _not_judged(reason: str, tried: tuple[str, ...] = ()) -> Judgement:
    return Judgement(State.NOT_JUDGED, reason, tried=tried)


def _said(verdict: Verdict) -> tuple[State, str]:
    if verdict.exit_code is ExitCode.PASS:
        return State.PASS, "the signed chain holds, and this store says what was signed"
    count = len(verdict.findings)
    found = f"{count} finding{'s' if count > 1 else ''}"
    if verdict.exit_code is ExitCode.REFUSED:
        return State.REFUSED, f"the chain does not hold: {found}"
    return State.NOT_JUDGED, f"the bundle could not be judged: {found}"
