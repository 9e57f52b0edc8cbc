"""How keyless evidence is attacked: names, certificates, log entries and roots of trust."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from kfp_provenance.attest.identifiers import IN_RUN_BUILDER
from support.drill.model import Act, Given
from support.drill.on_keys import pae
from support.drill.rewrites import SUMMARY, Line, encoded, other_form, signatures
from support.drill.scenes import KeylessScene, Scene
from support.forge import edit_line, joined, lines_of
from support.sigstore_trust import InstanceKeys, trusted_root

_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
Change = Callable[[dict[str, Any]], object]


def keyless(scene: Scene) -> KeylessScene:
    assert isinstance(scene, KeylessScene)
    return scene


def believing(identity: Callable[[str], str] = str, issuer: Callable[[str], str] = str) -> Act:
    """Trust in a name that is not quite the signer's."""

    def act(scene: Scene) -> Given:
        one = keyless(scene)
        options = one.options(identity(one.identity), issuer(one.issuer))
        assert options != one.options()
        return one.given().believing(*options)

    return act


def with_root(change: Change) -> Act:
    """Trust in the right name by another root of trust."""

    def act(scene: Scene) -> Given:
        one = keyless(scene)
        document = json.loads(one.root.read_bytes())
        change(document)
        root = one.write("other_root.json", json.dumps(document))
        return one.given().believing(*one.options(root=root))

    return act


def foreign(document: dict[str, Any]) -> None:
    """Authority and logs of another instance, which has the same names."""
    keys = InstanceKeys(datetime(2020, 1, 1, tzinfo=UTC))
    services = [document[kind][0] for kind in ("certificateAuthorities", "tlogs", "ctlogs")]
    addresses = (services[0]["uri"], services[1]["baseUrl"], services[2]["baseUrl"])
    document.update(trusted_root(keys, keys.certificate(), *addresses))


def ended(kind: str, end: str = "2026-01-01T00:00:00Z") -> Change:
    """A service that was no longer in use when the line was signed."""

    def change(document: dict[str, Any]) -> None:
        service = document[kind][0]
        service.get("publicKey", service)["validFor"]["end"] = end

    return change


def on_line(change: Callable[[Line], object], number: int = SUMMARY) -> Act:
    """Edit the wrapper of one line."""

    def act(scene: Scene) -> Given:
        given = scene.given()
        return given.but(bundle=scene.bundle(edit_line(given.bundle.read_bytes(), number, change)))

    return act


def on_entry(change: Callable[[dict[str, Any]], object]) -> Act:
    """Edit the log entry of the summary."""
    return on_line(lambda value: change(value["verificationMaterial"]["tlogEntries"][0]))


def twice(value: Line) -> None:
    """Two log entries."""
    value["verificationMaterial"]["tlogEntries"] *= 2


def in_other_form(value: Line) -> None:
    """The signature as (r, n - s)."""
    (only,) = signatures(value)
    only["sig"] = encoded(other_form(base64.b64decode(only["sig"])))


def entry_of_another(scene: Scene) -> Given:
    """The summary with the log entry of a step."""
    given = scene.given()
    lines = lines_of(given.bundle.read_bytes())
    entries = json.loads(lines[0])["verificationMaterial"]["tlogEntries"]
    data = edit_line(
        joined(lines), SUMMARY, lambda v: v["verificationMaterial"].update(tlogEntries=entries)
    )
    return given.but(bundle=scene.bundle(data))


def other_payload(value: Line) -> None:
    payload = base64.b64decode(value["dsseEnvelope"]["payload"])
    assert b"/raw" in payload or b"gs://" in payload
    value["dsseEnvelope"]["payload"] = encoded(payload.replace(b"gs://", b"gs:/!", 1))


def self_signed(*, logged: bool) -> Act:
    """A certificate that the attacker made, with the signer's name and issuer."""

    def act(scene: Scene) -> Given:
        one = keyless(scene)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = certificate_of(one, key).public_bytes(Encoding.DER)

        def change(value: Line) -> None:
            payload = base64.b64decode(value["dsseEnvelope"]["payload"])
            signature = key.sign(pae(payload), ec.ECDSA(hashes.SHA256()))
            signatures(value)[0]["sig"] = encoded(signature)
            value["verificationMaterial"]["certificate"]["rawBytes"] = encoded(certificate)
            if not logged:
                del value["verificationMaterial"]["tlogEntries"]

        return on_line(change)(scene)

    return act


def certificate_of(scene: KeylessScene, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(scene.identity)]),
            critical=True,
        )
        .add_extension(x509.UnrecognizedExtension(_ISSUER, scene.issuer.encode()), critical=False)
        .sign(key, hashes.SHA256())
    )


def as_a_key(scene: Scene) -> Given:
    """The certificate dropped, and the line said to be signed with a key."""
    return on_line(
        lambda v: v.update(verificationMaterial={"publicKey": {"hint": "A" * 43 + "="}})
    )(scene)


def policy(
    scene: KeylessScene, *, signer: str = "", more: str = "", root: bool = True
) -> tuple[str, str]:
    """A trust policy in the identity, as options."""
    named = 'trusted_root = "trusted_root.json"' if root else ""
    text = (
        f"version = 1\n{named}\n[[signer]]\n"
        f'identity = "{scene.identity}"\nissuer = "{scene.issuer}"\n'
        f'builders = ["{IN_RUN_BUILDER}"]\n{signer}\n{more}\n'
    )
    return "--trust", str(scene.write("policy.toml", text))


def revoked(since: str = "") -> Callable[[KeylessScene], str]:
    """A table that revokes the identity, perhaps from a time on."""

    def table(scene: KeylessScene) -> str:
        fields = f'identity = "{scene.identity}", issuer = "{scene.issuer}"'
        return f"[revoked]\nidentities = [{{ {fields}{since} }}]"

    return table


def under(more: Callable[[KeylessScene], str] = lambda _: "", signer: str = "") -> Act:
    def act(scene: Scene) -> Given:
        one = keyless(scene)
        return one.given().believing(*policy(one, signer=signer, more=more(one)))

    return act


def without_root(scene: Scene) -> Given:
    one = keyless(scene)
    return one.given().believing(*policy(one, root=False))


def key_instead(scene: Scene) -> Given:
    return scene.given().believing("--key", scene.key)


def root_with_a_key_twice(scene: Scene) -> Given:
    """Which of the two logs a reader believes is up to the reader."""
    one = keyless(scene)
    text = one.root.read_text().replace('"tlogs"', '"tlogs": [], "tlogs"', 1)
    return one.given().believing(*one.options(root=one.write("other_root.json", text)))
