"""Hash the stored bytes of a chain again, wherever they can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from kfp_provenance.codes import Code, ExitCode
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.facts import Artifact, ArtifactKind, Digest, Finding


class ContentLike(Protocol):
    """What a hash function returns about bytes."""

    @property
    def digest(self) -> Digest:
        """Digest of the bytes."""

    @property
    def kind(self) -> ArtifactKind:
        """What it was taken of."""


HashUri = Callable[[str, ArtifactKind], ContentLike]
"""Hashes what is stored at a URI; raises a ProvenanceError if it cannot."""


@dataclass(frozen=True)
class StoredArtifact:
    """Bytes that were hashed again and are what the step wrote or read."""

    digest: Digest
    uri: str


@dataclass(frozen=True)
class UnreadArtifact:
    """Bytes that could not be hashed again: digest and URI of the record, and why."""

    digest: Digest
    uri: str
    reason: str


@dataclass(frozen=True)
class StoredBytes:
    """What the signing step hashed again, and what it could not read."""

    rehashed: tuple[StoredArtifact, ...] = ()
    unread: tuple[UnreadArtifact, ...] = ()


@dataclass(frozen=True)
class Rehash:
    """Outcome of :func:`rehash_stored`.

    Attributes:
        stored: What held, and what could not be read.
        findings: STORED_BYTES_CHANGED for everything that is different now.
    """

    stored: StoredBytes = field(default_factory=StoredBytes)
    findings: tuple[Finding, ...] = ()

    def unread(self) -> tuple[Finding, ...]:
        """What could not be read: notes, or findings where all bytes are required."""
        return tuple(
            Finding(
                Code.STORED_BYTES_UNREAD,
                "stored bytes could not be read",
                artifact=artifact.uri,
                expected=str(artifact.digest),
                found=artifact.reason,
                remedy="read them from where they can be, or accept that they are gone",
            )
            for artifact in self.stored.unread
        )


def rehash_stored(artifacts: Iterable[Artifact], hash_uri: HashUri) -> Rehash:
    """Hash stored artifacts again and compare with their recorded digests.

    An artifact without bytes (``values``) is its own record and is passed over.

    Args:
        artifacts: What to read; each (digest, URI) is read once.
        hash_uri: Does the reading. An error whose code is a refusal (a symlink, bytes
            that change while they are read) counts as changed, any other as unread.
    """
    rehashed, unread, findings = [], [], []
    unique = {(a.digest, a.uri, a.kind): a for a in artifacts if a.kind is not ArtifactKind.VALUES}
    for artifact in unique.values():
        try:
            found = hash_uri(artifact.uri, artifact.kind)
        except ProvenanceError as error:
            if error.exit_code is ExitCode.REFUSED:
                findings.append(_changed(artifact, f"{error.code}: {error.message}"))
            else:
                reason = f"{error.code}: {error.message}"
                unread.append(UnreadArtifact(artifact.digest, artifact.uri, reason))
            continue
        if (found.digest, found.kind) == (artifact.digest, artifact.kind):
            rehashed.append(StoredArtifact(artifact.digest, artifact.uri))
        else:
            findings.append(_changed(artifact, f"{found.kind} {found.digest}"))
    return Rehash(StoredBytes(tuple(rehashed), tuple(unread)), tuple(findings))


def _changed(artifact: Artifact, found: str) -> Finding:
    return Finding(
        Code.STORED_BYTES_CHANGED,
        "the stored bytes are not those that the step recorded",
        artifact=artifact.uri,
        expected=f"{artifact.kind} {artifact.digest}",
        found=found,
        remedy="restore the bytes, or run the pipeline again and find out who changed them",
    )
