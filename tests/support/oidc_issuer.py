"""Two OpenID Connect issuers on a loopback port: one for service accounts, one for people."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "sigstore"
_KEY_ID = "the-only-key"


def new_key() -> rsa.RSAPrivateKey:
    """RSA, because cosign takes only tokens signed with RS256."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class OidcIssuer:
    """Issues tokens and publishes what they are checked with.

    An identity is ``namespace/serviceaccount`` or an address of mail.
    """

    address: str
    key: rsa.RSAPrivateKey = field(default_factory=new_key, repr=False)

    @property
    def kubernetes(self) -> str:
        """Issuer of the tokens of service accounts."""
        return f"{self.address}/kubernetes"

    @property
    def email(self) -> str:
        """Issuer of the tokens of people."""
        return f"{self.address}/email"

    def of(self, identity: str) -> str:
        """The issuer of the identity's tokens."""
        return self.email if "@" in identity else self.kubernetes

    def token(
        self,
        identity: str,
        *,
        audience: str = AUDIENCE,
        lifetime: int = 600,
        key: rsa.RSAPrivateKey | None = None,
        **claims: object,
    ) -> str:
        """A token, without a newline.

        Args:
            identity: Who it is for.
            audience: Who may take it.
            lifetime: Seconds until it expires; below zero it is expired.
            key: Signs it, if not the issuer's own key.
            claims: Added, or in place of those that it would have.
        """
        now = int(time.time())
        every: dict[str, object] = {
            "iss": self.of(identity),
            "aud": [audience],
            "iat": now - 5 + min(lifetime, 0),
            "nbf": now - 5 + min(lifetime, 0),
            "exp": now + lifetime,
            "jti": secrets.token_hex(8),
            **(_person(identity) if "@" in identity else _service_account(identity)),
            **claims,
        }
        return jwt.encode(every, key or self.key, "RS256", headers={"kid": _KEY_ID})

    @cached_property
    def documents(self) -> dict[str, bytes]:
        """What is served, by its path."""
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        keys = {"keys": [public | {"kid": _KEY_ID, "alg": "RS256", "use": "sig"}]}
        found: dict[str, bytes] = {}
        for issuer in (self.kubernetes, self.email):
            path = issuer.removeprefix(self.address)
            found[f"{path}/keys"] = json.dumps(keys).encode()
            found[f"{path}/.well-known/openid-configuration"] = json.dumps(
                {
                    "issuer": issuer,
                    "jwks_uri": f"{issuer}/keys",
                    "authorization_endpoint": f"{issuer}/authorize",
                    "token_endpoint": f"{issuer}/token",
                    "response_types_supported": ["id_token"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            ).encode()
        return found


def _person(address: str) -> dict[str, object]:
    return {"sub": address, "email": address, "email_verified": True}


def _service_account(identity: str) -> dict[str, object]:
    namespace, name = identity.split("/")
    return {
        "sub": f"system:serviceaccount:{namespace}:{name}",
        "kubernetes.io": {
            "namespace": namespace,
            "serviceaccount": {"name": name, "uid": secrets.token_hex(16)},
            "pod": {"name": f"{name}-pod", "uid": secrets.token_hex(16)},
        },
    }


@contextmanager
def running_issuer() -> Iterator[OidcIssuer]:
    """Serve the issuers from a thread."""

    class Documents(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = issuer.documents.get(self.path)
            self.send_response(HTTPStatus.NOT_FOUND if body is None else HTTPStatus.OK)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Documents) as server:
        issuer = OidcIssuer(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
