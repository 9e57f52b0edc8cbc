"""``vault:NAME``: a P-256 key in the transit engine of HashiCorp Vault or OpenBao."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING

from kfp_provenance.attest.printable import printable
from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError
from kfp_provenance.signing.extras import require
from kfp_provenance.signing.interface import AskPassphrase
from kfp_provenance.signing.key_signer import KeySigner
from kfp_provenance.signing.keys import PublicKey
from kfp_provenance.signing.remote import RemoteKey
from kfp_provenance.signing.vault.server import server_from_environment
from kfp_provenance.signing.vault.uri import parse

if TYPE_CHECKING:
    from kfp_provenance.signing.vault.session import TransitSession

_SIGNATURE = re.compile(r"vault:v([0-9]{1,9}):([A-Za-z0-9+/=]+)")


def open_signer(uri: str, ask_passphrase: AskPassphrase | None = None) -> KeySigner:  # noqa: ARG001
    """Read the public key that ``uri`` names; every signature is one of this very version.

    Args:
        uri: ``vault:NAME`` with its options, as docs/reference/signers.md lists them.
        ask_passphrase: Not used: a server is logged in to with what a machine has.

    Raises:
        SigningError: SIGNER_URI_INVALID, SIGNER_UNREACHABLE, SIGNER_DENIED or KEY_UNREADABLE.
        SettingsError: SETTING_INVALID or DEPENDENCY_MISSING.
    """
    key = parse(uri)
    server = server_from_environment()
    require("hvac", "vault")
    from kfp_provenance.signing.vault.answers import pinned  # noqa: PLC0415 - slow to import
    from kfp_provenance.signing.vault.session import TransitSession  # noqa: PLC0415 - hvac

    where = f"vault:{key.name} at {server.address}"
    session = TransitSession(server, key, where)
    version, public = pinned(session.read_key(), key.version, where)
    holder = _TransitKey(session, version, public, where)
    return KeySigner(f"vault:{key.name}?version={version}", holder, public)


class _TransitKey(RemoteKey):
    """One version of a key in a transit engine, wherever rotation has gone since."""

    def __init__(
        self, session: TransitSession, version: int, public: PublicKey, where: str
    ) -> None:
        super().__init__(public, where)
        self._session = session
        self._version = version

    def ask(self, payload: bytes) -> bytes:
        from kfp_provenance.signing.vault.answers import pinned  # noqa: PLC0415 - see above
        from kfp_provenance.signing.vault.refusals import RejectedError  # noqa: PLC0415

        try:
            text = self._session.sign(hashlib.sha256(payload).digest(), self._version)
        except RejectedError:
            # what the server says is not the same everywhere: see what became of the key
            pinned(self._session.read_key(), self._version, self._where)
            raise
        return self._bytes_of(text)

    def _bytes_of(self, text: str) -> bytes:
        found = _SIGNATURE.fullmatch(text)
        try:
            if found is not None and int(found[1]) == self._version:
                return base64.b64decode(found[2], validate=True)
        except binascii.Error:
            pass
        raise SigningError(
            Code.SIGNATURE_INVALID,
            "the server answered with a signature of another version or form",
            where=self._where,
            expected=f"vault:v{self._version}:BASE64",
            found=printable(text, 40),
            remedy="ask whoever runs the server: it must sign with the version it is asked for",
        )
