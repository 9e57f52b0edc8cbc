"""Keys of a Sigstore instance, and the documents that say which of them are trusted."""

from __future__ import annotations

import copy
import hashlib
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

Document = dict[str, Any]
_ORGANIZATION = "provenance.example"
_COMMON_NAME = "certificates of the tests"
_MEDIA_TYPE = "application/vnd.dev.sigstore."


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class InstanceKeys:
    """Of the certificate authority and of the two logs, as old as ``since``."""

    since: datetime
    authority: ec.EllipticCurvePrivateKey = field(default_factory=_new_key, repr=False)
    certificate_log: ec.EllipticCurvePrivateKey = field(default_factory=_new_key, repr=False)
    signature_log: ec.EllipticCurvePrivateKey = field(default_factory=_new_key, repr=False)

    def certificate(self) -> x509.Certificate:
        """The authority's own."""
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANIZATION),
                x509.NameAttribute(NameOID.COMMON_NAME, _COMMON_NAME),
            ]
        )
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
             "key_agreement", "encipher_only", "decipher_only"), False
        )  # fmt: skip
        identifier = x509.SubjectKeyIdentifier.from_public_key(self.authority.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.authority.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.since)
            .not_valid_after(self.since + timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
            .add_extension(identifier, critical=False)
            .sign(self.authority, hashes.SHA256())
        )


def private_bytes(key: ec.EllipticCurvePrivateKey, encoding: Encoding = Encoding.PEM) -> bytes:
    return key.private_bytes(encoding, PrivateFormat.PKCS8, NoEncryption())


def public_bytes(key: ec.EllipticCurvePrivateKey, encoding: Encoding = Encoding.PEM) -> bytes:
    return key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def trusted_root(
    keys: InstanceKeys, certificate: x509.Certificate, fulcio: str, rekor: str, ct_log: str
) -> Document:
    """What a verifier trusts: the three services of one instance."""
    chain = [{"rawBytes": _text(certificate.public_bytes(Encoding.DER))}]
    authority = {
        "subject": {"organization": _ORGANIZATION, "commonName": _COMMON_NAME},
        "uri": fulcio,
        "certChain": {"certificates": chain},
        "validFor": {"start": _time(keys.since)},
    }
    return {
        "mediaType": f"{_MEDIA_TYPE}trustedroot+json;version=0.1",
        "tlogs": [_log(keys.signature_log, rekor, keys.since)],
        "certificateAuthorities": [authority],
        "ctlogs": [_log(keys.certificate_log, ct_log, keys.since)],
        "timestampAuthorities": [],
    }


def signing_config(since: datetime, fulcio: str, rekor: str, issuer: str) -> Document:
    """Where a signer gets a certificate and writes its entry."""

    def service(address: str) -> list[Document]:
        start = {"start": _time(since)}
        return [
            {"url": address, "majorApiVersion": 1, "validFor": start, "operator": _ORGANIZATION}
        ]

    return {
        "mediaType": f"{_MEDIA_TYPE}signingconfig.v0.2+json",
        "caUrls": service(fulcio),
        "oidcUrls": service(issuer),
        "rekorTlogUrls": service(rekor),
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": [],
        "tsaConfig": {"selector": "ANY"},
    }


def trust_config(root: Document, signing: Document) -> Document:
    """Both in one, as sigstore-python takes them."""
    return {
        "mediaType": f"{_MEDIA_TYPE}clienttrustconfig.v0.1+json",
        "trustedRoot": root,
        "signingConfig": signing,
    }


def rotated(old: Document, new: Document, at: datetime) -> Document:
    """The root after a rotation of every key: ``old`` services end ``at``, and ``new`` begin.

    The new ones begin with that second, because a log says no more of a time than its second.
    """
    root = copy.deepcopy(new)
    for kind, retired in copy.deepcopy(old).items():
        if not isinstance(retired, list):
            continue
        for service in retired:
            _valid_for(service).setdefault("end", _time(at))
        for service in root[kind]:
            _valid_for(service)["start"] = _time(at.replace(microsecond=0))
        root[kind] = retired + root[kind]
    return root


def _valid_for(service: Document) -> Document:
    """Of an authority, or of a log's key."""
    found: Document = service.get("publicKey", service)["validFor"]
    return found


def _log(key: ec.EllipticCurvePrivateKey, address: str, since: datetime) -> Document:
    public = public_bytes(key, Encoding.DER)
    return {
        "baseUrl": address,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": _text(public),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": {"start": _time(since)},
        },
        "logId": {"keyId": _text(hashlib.sha256(public).digest())},
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(value: bytes) -> str:
    return b64encode(value).decode()


def write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> Path:
    """A file that only its owner reads."""
    path.touch(mode=0o600)
    path.write_bytes(private_bytes(key))
    return path
