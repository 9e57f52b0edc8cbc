"""The stock cosign: no setting of the user's and nothing but loopback is used."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.go_tools import program
from support.processes import DEADLINE, isolated
from support.sigstore_instance import Sigstore

_PASSWORD = "of the keys that cosign makes"
_MEDIA_TYPE = "application/vnd.dev.sigstore."


@dataclass(frozen=True)
class Answer:
    """What it said, and whether that is a yes."""

    accepted: bool
    words: str


@dataclass(frozen=True)
class Trust:
    """Options that say whose signature is accepted: :func:`by_key` or :func:`by_identity`."""

    options: tuple[str, ...]


def by_key(key: Path) -> Trust:
    """The public key in a PEM file; such signatures stand in no log."""
    return Trust((f"--key={key}", "--insecure-ignore-tlog"))


def by_logged_key(key: Path, root: Path) -> Trust:
    """The public key in a PEM file; such signatures stand in a log that the root names."""
    return Trust((f"--key={key}", f"--trusted-root={root}"))


def by_identity(identity: str, issuer: str, root: Path) -> Trust:
    """A certificate for exactly this identity, from a service that the root names."""
    return Trust(
        (
            f"--certificate-identity={identity}",
            f"--certificate-oidc-issuer={issuer}",
            f"--trusted-root={root}",
        )
    )


@dataclass(frozen=True)
class Cosign:
    """Runs the program with an empty home."""

    program: Path
    home: Path

    def verify(
        self, bundle: Path, predicate_type: str, subject: Path | str, trust: Trust
    ) -> Answer:
        """``cosign verify-blob-attestation``.

        Args:
            bundle: File with one bundle.
            predicate_type: Its URI.
            subject: The file that the statement must be about, or its SHA-256 in hex.
            trust: Whose signature is accepted.
        """
        about = (
            [str(subject)]
            if isinstance(subject, Path)
            else [f"--digest={subject}", "--digestAlg=sha256"]
        )
        options = [f"--bundle={bundle}", f"--type={predicate_type}", *trust.options]
        return self._run("verify-blob-attestation", [*options, *about])

    def attest(self, statement: Path, bundle: Path, token: Path, sigstore: Sigstore) -> Answer:
        """``cosign attest-blob``: sign a statement keyless, with the identity of the token."""
        options = [
            f"--identity-token={token}",
            f"--signing-config={sigstore.signing_config}",
            f"--trusted-root={sigstore.trusted_root}",
            f"--statement={statement}",
            f"--bundle={bundle}",
        ]
        return self._run("attest-blob", ["--yes", *options])

    def attest_with_key(
        self, statement: Path, bundle: Path, key: Path, sigstore: Sigstore | None = None
    ) -> Answer:
        """``cosign attest-blob`` with a key of :meth:`new_key` or :meth:`import_key`.

        Args:
            statement: File of the statement.
            bundle: File to write.
            key: The private key.
            sigstore: Logs the signature; without it, it stands in no log.
        """
        signing, root = self.home / "no-services.json", self.home / "no-root.json"
        if sigstore is None:  # else it would ask the public services
            self.home.mkdir(exist_ok=True)
            signing.write_text(json.dumps({"mediaType": f"{_MEDIA_TYPE}signingconfig.v0.2+json"}))
            kind = f"{_MEDIA_TYPE}trustedroot+json;version=0.1"
            root.write_text(json.dumps({"mediaType": kind}))
        else:
            signing, root = sigstore.signing_config, sigstore.trusted_root
        options = [
            f"--key={key}",
            f"--signing-config={signing}",
            f"--trusted-root={root}",
            f"--statement={statement}",
            f"--bundle={bundle}",
        ]
        return self._run("attest-blob", ["--yes", *options])

    def new_key(self, prefix: Path) -> Answer:
        """``cosign generate-key-pair``: ``prefix.key`` and ``prefix.pub``."""
        return self._run("generate-key-pair", [f"--output-key-prefix={prefix}"])

    def import_key(self, key: Path, prefix: Path) -> Answer:
        """``cosign import-key-pair``: takes a PEM that is not encrypted."""
        return self._run("import-key-pair", [f"--key={key}", f"--output-key-prefix={prefix}"])

    def _run(self, command: str, arguments: Sequence[str]) -> Answer:
        done = subprocess.run(
            [self.program, command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=isolated(self.home, COSIGN_PASSWORD=_PASSWORD),
            timeout=DEADLINE,
            check=False,
        )
        return Answer(done.returncode == 0, done.stdout)


@pytest.fixture
def cosign(tmp_path: Path) -> Cosign:
    return Cosign(program("cosign"), tmp_path / "cosign-home")
