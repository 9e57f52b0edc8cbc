"""What the component ``sign`` does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from kfp_provenance.attest import IN_RUN_BUILDER
from kfp_provenance.bundle import sign_chain
from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError, TaskError
from kfp_provenance.facts import Artifact, ArtifactKind, Digest, Environment, Input, InputOrigin
from kfp_provenance.hashing import Content
from kfp_provenance.lineage import Chain, Root, collect_chain, rehash_stored
from kfp_provenance.metadata import Reader, open_reader
from kfp_provenance.report import lineage_page
from kfp_provenance.runtime.context import current_task
from kfp_provenance.runtime.environment import environment_digest
from kfp_provenance.signing import Signer, open_signer
from kfp_provenance.storage import hash_stored
from kfp_provenance.verify import Trust, judge_attestations, load_trust

MODEL_INPUT = "model"


@dataclass(frozen=True)
class SignedChain:
    """What the component writes.

    Attributes:
        bundle: The provenance bundle.
        page: The chain as an HTML page.
        steps: Number of step statements.
        signer: Who signed: hint of a key, or an identity.
        subject: Digest of the model.
    """

    bundle: bytes
    page: str
    steps: int
    signer: str
    subject: str


def check_run(run: str) -> None:
    """The run that the pipeline names must be the run of this task.

    Raises:
        TaskError: RUN_UNKNOWN in a cluster if it is another one: this task would come from
            a compiled pipeline with a fixed run, and could be taken from the cache.
    """
    identity = current_task().identity
    # a local runner makes the placeholder a random number; it has no cache for this task
    if identity.in_cluster and run != identity.run:
        raise TaskError(
            Code.RUN_UNKNOWN,
            "the parameter `run` of the signing step is not its run",
            expected=identity.run,
            found=run[:80],
            remedy="pass dsl.PIPELINE_JOB_ID_PLACEHOLDER as `run`",
        )


def sign_task_chain(
    signer: str, *, roots: Sequence[str], require_all_bytes: bool, step_trust: str = ""
) -> SignedChain:
    """Sign the chain behind the inputs of the running task, the model first.

    Raises:
        ChainError: With the code of the first finding if the chain does not hold.
        ProvenanceError: If the store, the key or the bytes cannot be read.
    """
    task = current_task()
    mounted = {given.artifact.uri: given.artifact for given in task.inputs}
    declared = [Root.parse(root) for root in roots]
    handed = sorted(task.inputs, key=lambda given: given.name != MODEL_INPUT)
    subjects = [given for given in handed if not _only_mounted(given, declared)]
    with closing(open_reader(task.store)) as reader:
        return sign_subjects(
            reader,
            subjects,
            run=task.identity.run,
            signer=open_signer(signer),
            roots=declared,
            require_all_bytes=require_all_bytes,
            mounted=mounted,
            step_trust=load_trust(Path(step_trust)) if step_trust else None,
        )


def _only_mounted(given: Input, roots: Sequence[Root]) -> bool:
    """Whether a root was handed over for its bytes: no step made it, nothing signs it."""
    imported = given.name != MODEL_INPUT and given.origin is InputOrigin.IMPORTED
    return imported and any(root.covers(given.artifact) for root in roots)


def sign_subjects(
    reader: Reader,
    subjects: Sequence[Input],
    *,
    run: str,
    signer: Signer,
    roots: Sequence[Root] = (),
    require_all_bytes: bool = False,
    mounted: dict[str, Artifact] | None = None,
    builder: str = IN_RUN_BUILDER,
    step_trust: Trust | None = None,
) -> SignedChain:
    """Collect, hash again, judge, sign.

    Args:
        reader: The metadata store.
        subjects: What to sign, the model first.
        run: Run that signs.
        signer: Signs; opened by the caller.
        roots: What may come from outside.
        require_all_bytes: Whether unread bytes are a finding.
        mounted: Artifacts that were hashed in this task already, by URI.
        builder: Who says so: a step of the run, or somebody outside it.
        step_trust: Who may have signed the steps; given, every step must have been signed
            by its own task, and the signer signs the summary alone.

    Raises:
        ChainError: With the code of the first finding if the chain does not hold.
    """
    chain = collect_chain(reader, subjects, run=run, roots=roots)
    known = mounted or {}

    def hash_again(uri: str, kind: ArtifactKind) -> Content:
        seen = known.get(uri)
        if seen is not None and seen.kind is kind:
            return Content(seen.digest, seen.kind, seen.size, 0)
        return hash_stored(uri, kind)

    rehash = rehash_stored(chain.artifacts(), hash_again)
    if require_all_bytes:
        rehash = replace(rehash, findings=(*rehash.findings, *rehash.unread()))
    attested = None
    if step_trust is not None:
        judged = judge_attestations(chain.steps, reader.attestation, step_trust)
        chain = replace(chain, findings=(*chain.findings, *judged.findings))
        attested = judged.lines
    bundle = sign_chain(
        chain,
        signer,
        environments=_environments(reader, chain),
        rehash=rehash,
        now=datetime.now(UTC),
        builder=builder,
        attested=attested,
    )
    artifacts = [subject.artifact for subject in chain.subjects]
    page = lineage_page(chain.pipeline or chain.run, chain.steps, artifacts, signed_by=signer.name)
    return SignedChain(bundle, page, len(chain.steps), signer.name, str(artifacts[0].digest))


def _environments(reader: Reader, chain: Chain) -> dict[Digest, Environment]:
    """Environments of the steps as far as the store has them; its word is not taken for them.

    Raises:
        StoreError: STORE_CORRUPT if one is not what its digest says.
    """
    known: dict[Digest, Environment] = {}
    for digest in {step.environment for step in chain.steps}:
        found = reader.environment(digest)
        if found is None:
            continue
        recomputed = environment_digest(found.python, found.packages)
        if recomputed != digest:
            raise StoreError(
                Code.STORE_CORRUPT,
                "a Python environment in the store is not the one that was recorded",
                expected=str(digest),
                found=str(recomputed),
                remedy="somebody changed the store: restore it, or run the pipeline again",
            )
        known[digest] = found
    return known
