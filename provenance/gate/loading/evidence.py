"""The evidence about models, collected before a byte of them is, and what it vouches for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kfp_provenance.attest.parse import parse_statement
from kfp_provenance.attest.summary import Summary
from kfp_provenance.bundle import MAX_BUNDLE, LineKind, line_kind, read_bundle
from kfp_provenance.codes import Code
from kfp_provenance.errors import BundleError, LoadError, ProvenanceError, StorageError
from kfp_provenance.facts import ArtifactKind, Digest
from kfp_provenance.gate.decision import JudgedModel, ModelEvidence
from kfp_provenance.gate.environments import Environment
from kfp_provenance.gate.loading.request import ADDRESS, ModelRequest
from kfp_provenance.storage import open_storage, without_credentials
from kfp_provenance.verify.authentic import authenticate

_BUNDLE = ".sigstore.jsonl"
_PROMOTION = ".promotion.sigstore.json"
_MOST_NAMES = 4096
_MOST_CANDIDATES = 16
_NO_EVIDENCE = frozenset(
    {Code.OBJECT_MISSING, Code.OBJECT_TOO_LARGE, Code.ARTIFACT_SYMLINK, Code.URI_UNSUPPORTED}
)
_PROMOTION_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Collected:
    """One model's evidence, for the decision and for afterwards.

    Attributes:
        evidence: What the decision is made of.
        bundles: URI and bytes of each bundle, by the digest of its file.
    """

    evidence: ModelEvidence
    bundles: Mapping[Digest, tuple[str, bytes]]


@dataclass(frozen=True)
class Vouched:
    """What the evidence says a model is.

    Attributes:
        digest: Of its bytes.
        kind: What the digest is of.
        bundle: URI of the bundle that says so, without credentials.
        bundle_digest: Digest of its file.
        signers: Names of the trusted signers.
    """

    digest: Digest
    kind: ArtifactKind
    bundle: str
    bundle_digest: Digest
    signers: tuple[str, ...]


@dataclass(frozen=True)
class _Subject:
    digest: Digest
    kind: ArtifactKind


def collect(model: ModelRequest, environment: Environment, place: str) -> Collected:
    """Read what lies beside a model, or is named for it.

    Args:
        model: What to load.
        environment: Whose promotions to look for.
        place: Names the model in the decision.

    Raises:
        LoadError: LOAD_CLAIM_MISMATCH if what is said about it does not agree.
        StorageError: If the evidence cannot be read; none there is no error.
    """
    said = _agreed(model)
    bundles, promotions = _read_beside(model, environment)
    files = tuple(data for _, data in bundles)
    evidence = ModelEvidence(
        place,
        model.name,
        observed=_subject(said, files),
        bundles=files,
        promotions=promotions,
    )
    return Collected(evidence, {Digest.of(data): (uri, data) for uri, data in bundles})


def vouched_by(model: ModelRequest, collected: Collected, judged: JudgedModel) -> Vouched:
    """What an allowed model must turn out to be.

    Raises:
        LoadError: BUNDLE_MISSING if nothing vouches for it.
    """
    subject = collected.evidence.observed
    if subject is None or judged.bundle is None or judged.view is None:
        raise LoadError(  # a decision without these is never allowed
            Code.BUNDLE_MISSING, "nothing vouches for the model", where=model.name
        )
    uri, _ = collected.bundles[judged.bundle]
    return Vouched(
        subject.digest, subject.kind, without_credentials(uri), judged.bundle, judged.view.signers
    )


def check_identity(
    model: ModelRequest, vouched: Vouched, collected: Collected, environment: Environment
) -> None:
    """The summary must be signed by the identity that the claims name, if they do.

    Raises:
        LoadError: LOAD_CLAIM_MISMATCH.
    """
    wanted = model.claims.identity
    if wanted is None:
        return
    _, data = collected.bundles[vouched.bundle_digest]
    lines = read_bundle(data)
    signed, _ = authenticate(lines, environment.trust)  # one for each line: the bundle holds
    pairs = zip(lines, signed, strict=True)
    found = [one.signer for line, one in pairs if line_kind(line) is LineKind.SUMMARY]
    if len(found) != 1 or found[0].identity != wanted:
        raise LoadError(
            Code.LOAD_CLAIM_MISMATCH,
            "the chain is signed by someone else than the deployment names",
            where=model.name,
            expected=str(wanted),
            found=", ".join(signer.label for signer in found) or "nobody",
            remedy="correct the verification block, or have the named identity sign the run",
        )


def _agreed(model: ModelRequest) -> Digest | None:
    """The one digest that all claims name; None if there is no claim."""
    said = list(model.claims.digests.items())
    for who, digest in said[1:]:
        if digest != said[0][1]:
            raise LoadError(
                Code.LOAD_CLAIM_MISMATCH,
                "the claims about the model do not agree",
                where=model.name,
                expected=f"{said[0][1]} ({said[0][0]})",
                found=f"{digest} ({who})",
                remedy="deploy the address and the digest that were published with the bundle",
            )
    return said[0][1] if said else None


def _read_beside(
    model: ModelRequest, environment: Environment
) -> tuple[list[tuple[str, bytes]], tuple[bytes, ...]]:
    named = model.claims.bundle
    bundles = [(named, _read(named, MAX_BUNDLE))] if named else []
    if not ADDRESS.fullmatch(model.name):
        return bundles, ()
    promotions: list[bytes] = []
    folder = model.uri.partition("?")[0].rstrip("/").rpartition("/")[0]
    names: Sequence[str] = ()
    if not named or environment.promotion.required:
        names = _names(folder)
    if not named:
        chosen = [name for name in names if name.endswith(_BUNDLE)]
        bundles = list(_candidates(folder, chosen, MAX_BUNDLE))
    if environment.promotion.required:
        of_environment = re.compile(
            rf"{re.escape(environment.name)}-sha256-[0-9a-f]{{64}}{re.escape(_PROMOTION)}"
        )
        chosen = [name for name in names if of_environment.fullmatch(name)]
        promotions = [data for _, data in _candidates(folder, chosen, _PROMOTION_LIMIT)]
    return bundles, tuple(promotions)


def _candidates(folder: str, names: Sequence[str], limit: int) -> Iterator[tuple[str, bytes]]:
    """Files that may be evidence. What cannot be any is left out: it may be a stranger's."""
    for name in names[:_MOST_CANDIDATES]:
        uri = f"{folder}/{name}"
        try:
            yield uri, _read(uri, limit)
        except ProvenanceError as error:
            if error.code not in _NO_EVIDENCE:
                raise


def _names(folder: str) -> Sequence[str]:
    try:
        return open_storage(folder).names(_MOST_NAMES)
    except StorageError as error:
        if error.code is Code.OBJECT_MISSING:
            return ()
        raise


def _read(uri: str, limit: int) -> bytes:
    return open_storage(uri).read_bytes(limit).data


def _subject(said: Digest | None, bundles: Sequence[bytes]) -> _Subject | None:
    """The model as a summary names it: not believed before the whole bundle is verified.

    Where the claims name a digest, it is that digest, whatever the bundles say.
    """
    claimed = [subject for data in bundles for subject in _claimed(data)]
    if said is None:
        return claimed[0] if claimed else None
    kinds = [subject.kind for subject in claimed if subject.digest == said]
    return _Subject(said, kinds[0] if kinds else ArtifactKind.FILE)


def _claimed(data: bytes) -> Iterator[_Subject]:
    try:
        for line in read_bundle(data):
            if line_kind(line) is LineKind.SUMMARY:
                statement = parse_statement(line.payload, line.where)
                if isinstance(statement, Summary) and statement.subjects:
                    model = statement.subjects[0].artifact
                    yield _Subject(model.digest, model.kind)
    except BundleError:
        return  # the verifier says why
