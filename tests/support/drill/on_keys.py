"""Attacks by somebody with a key: their own, that of the tasks, or even the trusted one."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from kfp_provenance.attest.identifiers import COLLECTOR_BUILDER, IN_RUN_BUILDER, PAYLOAD_TYPE
from kfp_provenance.codes import Code
from support.drill.model import Act, Adversary, Attack, Codes, Given, Ground, Place, trials
from support.drill.rewrites import ASSESS, FIT, GATHER, SUMMARY, Line
from support.drill.scenes import IN_RUN, RunsScene, Scene
from support.forge import (
    Statement,
    edit_line,
    forged,
    joined,
    lines_of,
    sign_statement,
    statements_of,
)

_Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_UNTRUSTED, _INVALID = Code.SIGNER_UNTRUSTED, Code.SIGNATURE_INVALID
_NOT_JUDGED = "the policy cannot be used, so nothing was judged"


def resigned(
    key: str,
    change: Callable[[list[Statement]], object] = lambda _: None,
    *,
    disguised: bool = False,
) -> Act:
    """Everything signed again with a key, perhaps under the name of the trusted one."""

    def act(scene: Scene) -> Given:
        assert isinstance(scene, RunsScene)
        statements = statements_of(scene.run.bundle.read_bytes())
        change(statements)
        data = forged(statements, scene.signer(key))
        for number in range(len(statements) if disguised else 0):
            data = edit_line(data, number, lambda v: _name(v, scene.signer().hint))
        return scene.given().but(bundle=scene.bundle(data))

    return act


def _name(value: Line, hint: str) -> None:
    value["verificationMaterial"] = {"publicKey": {"hint": hint}}


def _one_line(number: int) -> Act:
    """One line signed again with another key."""

    def act(scene: Scene) -> Given:
        assert isinstance(scene, RunsScene)
        data = scene.run.bundle.read_bytes()
        lines = lines_of(data)
        lines[number] = sign_statement(statements_of(data)[number], scene.signer("stranger"))
        return scene.given().but(bundle=scene.bundle(joined(lines)))

    return act


def _signed_by(private: _Private, *, disguised: bool) -> Act:
    """The summary signed with a key that is not on P-256."""

    def act(scene: Scene) -> Given:
        assert isinstance(scene, RunsScene)
        der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        hint = base64.b64encode(hashlib.sha256(der).digest()).decode()

        def sign(value: Line) -> None:
            payload = base64.b64decode(value["dsseEnvelope"]["payload"])
            signature = base64.b64encode(_sign(private, pae(payload))).decode()
            value["dsseEnvelope"]["signatures"][0]["sig"] = signature
            _name(value, scene.signer().hint if disguised else hint)

        data = edit_line(scene.run.bundle.read_bytes(), SUMMARY, sign)
        return scene.given().but(bundle=scene.bundle(data))

    return act


def pae(payload: bytes) -> bytes:
    """What a DSSE signature is over."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _sign(private: _Private, data: bytes) -> bytes:
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return private.sign(data, ec.ECDSA(hashes.SHA256()))
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return private.sign(data)


def _trusted(pem: Callable[[Scene], bytes]) -> Act:
    """A key that the verifier is told to trust."""
    return lambda scene: scene.given().believing("--key", scene.write("odd.pub", pem(scene)))


def _public(private: _Private) -> Callable[[Scene], bytes]:
    return lambda _: private.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )


def _secret(private: _Private) -> Callable[[Scene], bytes]:
    return lambda _: private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _two_keys(scene: Scene) -> bytes:
    return scene.key.read_bytes() + (scene.folder / "stranger.pub").read_bytes()


_P256 = ec.generate_private_key(ec.SECP256R1())
_OTHERS: tuple[tuple[str, _Private], ...] = (
    ("P-384", ec.generate_private_key(ec.SECP384R1())),
    ("secp256k1", ec.generate_private_key(ec.SECP256K1())),
    ("RSA", rsa.generate_private_key(65537, 2048)),
    ("Ed25519", ed25519.Ed25519PrivateKey.generate()),
)


# --- keys of a policy that may sign, but not this


def _under(**policy: str) -> Act:
    """The run as it is, under a policy that holds its key to something."""
    return lambda scene: scene.given().believing(*scene.policy(**policy))


def _revoked(*, in_a_file: bool) -> Act:
    def act(scene: Scene) -> Given:
        keys = f'keys = ["{scene.signer().hint}"]'
        if not in_a_file:
            return scene.given().believing(*scene.policy(more=f"[revoked]\n{keys}"))
        scene.write("revoked.toml", f"version = 1\n{keys}\n")
        return scene.given().believing(*scene.policy(top='revocations = "revoked.toml"'))

    return act


def _rights_of_another(scene: Scene) -> Given:
    """A second key of the policy, which may sign another pipeline only."""
    stranger = f'[[signer]]\nkey = "stranger.pub"\npipelines = ["another"]\n{IN_RUN}'
    return resigned("stranger")(scene).believing(*scene.policy(more=stranger))


# --- steps that their own tasks signed


def _step_signed(change: Callable[[list[bytes], RunsScene], object]) -> Act:
    """The bundle of tasks that sign their steps, under the policy that demands it."""

    def act(scene: Scene) -> Given:
        assert isinstance(scene, RunsScene)
        run = scene.runs["step-signed"]
        lines = lines_of(run.bundle.read_bytes())
        change(lines, scene)
        given = scene.given_of(run).believing("--trust", scene.folder / "both.toml")
        return given.but(bundle=scene.bundle(joined(lines)))

    return act


def _restated(
    lines: list[bytes], number: int, scene: RunsScene, key: str, builder: str = ""
) -> None:
    (statement,) = statements_of(lines[number])
    if builder:
        statement["predicate"]["runDetails"]["builder"]["id"] = builder
    lines[number] = sign_statement(statement, scene.signer(key))


def _downgraded(scene: Scene) -> Given:
    """A run whose tasks did not sign, where they must have."""
    assert isinstance(scene, RunsScene)
    return scene.given_of(scene.runs["another"]).believing("--trust", scene.folder / "both.toml")


def _signed_by_an_operator(scene: Scene) -> Given:
    """The step-signed run signed once more from outside, without its tasks' signatures."""
    assert isinstance(scene, RunsScene)
    run, target = scene.runs["step-signed"], scene.folder / "outside.jsonl"
    done = run.kprov(
        "sign", run.run, "--signer", f"file:{scene.folder / 'signer.key'}", "--store", scene.store,
        "-o", target, "--subject", "fit/model",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return _downgraded(scene).but(path=run.model, bundle=target)


def _one_key_for_all(scene: Scene) -> Given:
    assert isinstance(scene, RunsScene)
    return scene.given_of(scene.runs["step-signed"])


_BUILDER = Code.BUILDER_UNTRUSTED

OWN: tuple[tuple[str, Act, Codes], ...] = (
    ("everything signed again with another key", resigned("stranger"), _UNTRUSTED),
    (
        "a step dropped, the rest signed with another key",
        resigned("stranger", lambda s: s.pop(GATHER)),
        _UNTRUSTED,
    ),
    ("one step signed with another key", _one_line(FIT), _UNTRUSTED),
    ("the summary signed with another key", _one_line(SUMMARY), _UNTRUSTED),
    (
        "another key under the hint of the trusted one",
        resigned("stranger", disguised=True),
        _INVALID,
    ),
    *(
        (f"a line signed with a key of {name}", _signed_by(key, disguised=False), _UNTRUSTED)
        for name, key in _OTHERS
    ),
    *(
        (
            f"a key of {name} under the hint of the trusted one",
            _signed_by(key, disguised=True),
            _INVALID,
        )
        for name, key in _OTHERS
    ),
    (
        "a key that has expired",
        _under(signer="not_after = 2026-01-01T00:00:00Z"),
        Code.SIGNER_EXPIRED,
    ),
    (
        "a key that is not valid yet",
        _under(signer="not_before = 2999-01-01T00:00:00Z"),
        Code.SIGNER_EXPIRED,
    ),
    ("a revoked key", _revoked(in_a_file=False), Code.SIGNER_REVOKED),
    ("a key that another file revokes", _revoked(in_a_file=True), Code.SIGNER_REVOKED),
    ("a second trusted key beyond its rights", _rights_of_another, Code.PIPELINE_UNTRUSTED),
    ("steps signed by tasks, under one key alone", _one_key_for_all, _UNTRUSTED),
    (
        "a task signs the summary over itself",
        _step_signed(lambda x, s: _restated(x, SUMMARY, s, "step")),
        _BUILDER,
    ),
    (
        "the collector states a step itself",
        _step_signed(lambda x, s: _restated(x, FIT, s, "signer")),
        _BUILDER,
    ),
    (
        "the collector states a step as its own",
        _step_signed(lambda x, s: _restated(x, FIT, s, "signer", COLLECTOR_BUILDER)),
        (Code.SUMMARY_MISMATCH),
    ),
    (
        "a task states a step as the signing step",
        _step_signed(lambda x, s: _restated(x, ASSESS, s, "step", IN_RUN_BUILDER)),
        _BUILDER,
    ),
    ("a run whose tasks signed nothing, where they must", _downgraded, _BUILDER),
    ("a run of signing tasks signed from outside instead", _signed_by_an_operator, _BUILDER),
)

KEYS: tuple[tuple[str, Act], ...] = (
    *((f"a key of {name} to be trusted", _trusted(_public(key))) for name, key in _OTHERS),
    ("a private key to be trusted", _trusted(_secret(_P256))),
    ("two keys in one file to be trusted", _trusted(_two_keys)),
    ("a file that holds no key to be trusted", _trusted(lambda _: json.dumps({}).encode())),
)


def attacks() -> Iterator[Attack]:
    """Keys that sign, then keys that are to be trusted."""
    for name, act, codes in OWN:
        yield Attack(name, Adversary.KEYS, trials(Ground.DRILL, act, {Place.VERIFY: codes}))
    for name, act in KEYS:
        found = trials(Ground.DRILL, act, {Place.VERIFY: Code.TRUST_INVALID}, _NOT_JUDGED)
        yield Attack(name, Adversary.KEYS, found)
