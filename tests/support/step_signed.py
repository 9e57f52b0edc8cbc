"""Runs whose tasks sign their own steps, without a store of ML Metadata."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kfp_provenance.attest.identifiers import (
    COLLECTOR_BUILDER,
    IN_RUN_BUILDER,
    PAYLOAD_TYPE,
    STEP_BUILDER,
)
from kfp_provenance.attest.statement import make_statement
from kfp_provenance.bundle import sign_chain
from kfp_provenance.facts import Step
from kfp_provenance.lineage import Rehash
from kfp_provenance.signing import KeySigner
from kfp_provenance.verify import Attested, Trust, TrustedSigner, judge_attestations
from kfp_provenance.verify.trust import trusted_key
from support.chains import ENVIRONMENT, NOW, Recorded, key_pair, tabular_run


@dataclass(frozen=True)
class StepSigned:
    """A recorded run, the signer of its steps, and the signer that collects them."""

    recorded: Recorded
    step_signer: KeySigner
    collector: KeySigner
    stranger: KeySigner

    @property
    def step_trust(self) -> Trust:
        """Whom the signing step believes: the steps' signer as a task, and nothing else."""
        return Trust((granted(self.step_signer, STEP_BUILDER),))

    @property
    def trust(self) -> Trust:
        """Whom a verifier believes: tasks for steps, the collector for the summary."""
        return Trust(
            (granted(self.step_signer, STEP_BUILDER), granted(self.collector, COLLECTOR_BUILDER))
        )

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.recorded.chain().steps

    def judged(self) -> Attested:
        reader = self.recorded.reader
        return judge_attestations(self.steps, reader.attestation, self.step_trust)

    def bundle(
        self, lines: tuple[bytes, ...] | None = None, signer: KeySigner | None = None
    ) -> bytes:
        return sign_chain(
            self.recorded.chain(),
            signer or self.collector,
            environments={},
            rehash=Rehash(),
            now=NOW,
            attested=self.judged().lines if lines is None else lines,
        )


def granted(signer: KeySigner, *builders: str) -> TrustedSigner:
    return TrustedSigner("key", trusted_key(signer.public_pem, "key"), frozenset(builders))


def attest(step: Step, signer: KeySigner, builder: str = STEP_BUILDER) -> bytes:
    return signer.sign(make_statement(step, ENVIRONMENT, builder), PAYLOAD_TYPE)


def step_signed_run(folder: Path, run: str = "run-1") -> StepSigned:
    signers = [key_pair(folder, name)[0] for name in ("step", "collector", "stranger")]
    made = StepSigned(tabular_run(run), *signers)
    for step in made.recorded.reader.steps.values():
        made.recorded.reader.attestations[step.id] = attest(step, made.step_signer)
    return made


__all__ = ["IN_RUN_BUILDER", "StepSigned", "attest", "granted", "step_signed_run"]
