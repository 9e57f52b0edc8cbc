"""The evidence about a model, read and judged before a byte of the model is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from kfp_provenance.attest.parse import parse_statement
from kfp_provenance.attest.summary import Summary
from kfp_provenance.bundle import MAX_BUNDLE, Line, LineKind, bundle_digest, line_kind, read_bundle
from kfp_provenance.codes import Code
from kfp_provenance.errors import BundleError, LoadError, StorageError
from kfp_provenance.facts import ArtifactKind, Digest, Finding
from kfp_provenance.gate.loading.refusing import refused
from kfp_provenance.gate.loading.request import ModelRequest
from kfp_provenance.storage import open_storage, without_credentials
from kfp_provenance.verify import Trust, verify_bundle
from kfp_provenance.verify.authentic import authenticate

_SUFFIX = ".sigstore.jsonl"
_MOST_BUNDLES = 16
_MOST_NAMES = 4096
_NOTHING = Digest("0" * 64)


@dataclass(frozen=True)
class Vouched:
    """What the evidence says a model is.

    Attributes:
        digest: Of its bytes.
        kind: What the digest is of. With the digest, this is what ``verify`` calls observed.
        bundle: URI of the bundle that says so, without credentials.
        bundle_digest: Digest of its file.
        signers: Names of the trusted signers.
    """

    digest: Digest
    kind: ArtifactKind
    bundle: str
    bundle_digest: Digest
    signers: tuple[str, ...]


def vouch(model: ModelRequest, trust: Trust, now: datetime) -> Vouched:
    """Find a bundle that holds for the model.

    Where several lie beside it (it was signed again), one that holds is enough.

    Raises:
        LoadError: With all findings of the first bundle, if none holds.
        StorageError: If the evidence cannot be read.
    """
    _refuse_disagreement(model)
    first: LoadError | None = None
    for uri, data in _bundles(model):
        try:
            return _judge(model, uri, data, trust, now)
        except LoadError as error:
            first = first or error
    if first is not None:
        raise first
    raise LoadError(
        Code.BUNDLE_MISSING,
        "no bundle vouches for the model",
        where=model.name,
        expected=f"sha256-<hex>{_SUFFIX} beside the model",
        found="none",
        remedy="publish the model with its bundle, or name the bundle in KPROV_VERIFICATION",
    )


def _refuse_disagreement(model: ModelRequest) -> None:
    said = list(model.claims.digests.items())
    for who, digest in said[1:]:
        if digest != said[0][1]:
            raise _disagreement(model, f"{said[0][1]} ({said[0][0]})", f"{digest} ({who})")


def _bundles(model: ModelRequest) -> Iterator[tuple[str, bytes]]:
    named = model.claims.bundle
    if named:
        yield named, _read(named)
        return
    if "the address" not in model.claims.digests:
        return
    folder = model.uri.rstrip("/").rpartition("/")[0]
    names = [name for name in open_storage(folder).names(_MOST_NAMES) if name.endswith(_SUFFIX)]
    for name in names[:_MOST_BUNDLES]:
        yield f"{folder}/{name}", _read(f"{folder}/{name}")


def _read(uri: str) -> bytes:
    try:
        return open_storage(uri).read_bytes(MAX_BUNDLE).data
    except StorageError as error:
        if error.code is not Code.OBJECT_MISSING:
            raise
        raise LoadError(
            Code.BUNDLE_MISSING,
            "the bundle that is named is not there",
            where=without_credentials(uri),
            remedy="name the bundle that was published with the model",
        ) from error


def _judge(model: ModelRequest, uri: str, data: bytes, trust: Trust, now: datetime) -> Vouched:
    try:
        lines = read_bundle(data)
    except BundleError as error:
        raise refused(model.name, [_finding(error)]) from error
    claimed = _claimed_subject(lines)
    judged = verify_bundle(data, trust, claimed, now=now)
    if not judged.verdict.passed or judged.view is None:
        raise refused(model.name, judged.verdict.findings)
    for who, digest in model.claims.digests.items():
        if digest != claimed.digest:
            raise _disagreement(model, f"{digest} ({who})", f"{claimed.digest} (the bundle)")
    _check_identity(model, lines, trust)
    return Vouched(
        claimed.digest,
        claimed.kind,
        without_credentials(uri),
        bundle_digest(data),
        judged.view.signers,
    )


@dataclass(frozen=True)
class _Subject:
    digest: Digest
    kind: ArtifactKind


def _claimed_subject(lines: tuple[Line, ...]) -> _Subject:
    """The model as the summary names it: not believed before the whole bundle is verified.

    Where there is none, the verifier finds out why; no bundle is about the digest of zeros.
    """
    for line in lines:
        if line_kind(line) is not LineKind.SUMMARY:
            continue
        try:
            statement = parse_statement(line.payload, line.where)
        except BundleError:
            break
        if isinstance(statement, Summary) and statement.subjects:
            model = statement.subjects[0].artifact
            return _Subject(model.digest, model.kind)
    return _Subject(_NOTHING, ArtifactKind.FILE)


def _check_identity(model: ModelRequest, lines: tuple[Line, ...], trust: Trust) -> None:
    """The summary must be signed by the identity that the claims name, if they do."""
    wanted = model.claims.identity
    if wanted is None:
        return
    signers, _ = authenticate(lines, trust)
    found = [s.signer for s in signers if line_kind(s.line) is LineKind.SUMMARY]
    if len(found) == 1 and found[0].identity == wanted:
        return
    raise LoadError(
        Code.LOAD_CLAIM_MISMATCH,
        "the chain is signed by someone else than the deployment names",
        where=model.name,
        expected=str(wanted),
        found=", ".join(signer.label for signer in found) or "nobody",
        remedy="correct the verification block, or have the named identity sign the run",
    )


def _disagreement(model: ModelRequest, expected: str, found: str) -> LoadError:
    return LoadError(
        Code.LOAD_CLAIM_MISMATCH,
        "the claims about the model do not agree",
        where=model.name,
        expected=expected,
        found=found,
        remedy="deploy the address and the digest that were published with the bundle",
    )


def _finding(error: BundleError) -> Finding:
    return Finding(
        error.code,
        error.message,
        artifact=error.where,
        expected=error.expected,
        found=error.found,
        remedy=error.remedy,
    )
