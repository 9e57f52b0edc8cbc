"""What is mutated: really signed bundles of several shapes, the same in every run."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from securesystemslib.signer import CryptoSigner, Signature

from fuzz.mutate.bundle_level import Material
from kfp_provenance.attest import IN_RUN_BUILDER
from kfp_provenance.attest.identifiers import COLLECTOR_BUILDER, OPERATOR_BUILDER, STEP_BUILDER
from kfp_provenance.facts import ArtifactKind, Parameter
from kfp_provenance.lineage import Root
from kfp_provenance.signing import KeySigner
from kfp_provenance.signing.keys import public_key_of
from kfp_provenance.verify import SigstoreRoot, Trust, TrustedSigner, Verification, verify_bundle
from kfp_provenance.verify.trust import trusted_key
from support.chains import (
    METRICS,
    NOW,
    Content,
    MemoryReader,
    Recorded,
    RunBuilder,
    artifact,
    content,
    digest,
    imported,
    linear_run,
    read,
    signed,
    source,
    tabular_run,
)
from support.forge import forged, statements_of

CORPUS = Path(__file__).parent / "corpus"


class _Repeatable(CryptoSigner):
    """Signs equal bytes with equal signatures (RFC 6979): so a seed says everything."""

    def __init__(self, secret: int) -> None:
        self.secret = ec.derive_private_key(secret, ec.SECP256R1())
        self.public = public_key_of(self.secret.public_key())
        super().__init__(self.secret, self.public.verifier)

    def sign(self, payload: bytes) -> Signature:
        """With a signature that only key and bytes decide."""
        made = self.secret.sign(payload, ec.ECDSA(SHA256(), deterministic_signing=True))
        return Signature(self.public.hint, made.hex())


@cache
def signer(name: str = "trusted") -> KeySigner:
    """One of three keys that nobody else uses."""
    holder = _Repeatable(1 + ["trusted", "tasks", "stranger"].index(name) * 12345)
    return KeySigner(f"file:{name}.key", holder, holder.public)


@dataclass(frozen=True)
class Original:
    """A good bundle, and the question that it is the answer to."""

    name: str
    material: Material
    trust: Trust
    subject: Content
    now: datetime = NOW

    def verify(self, bundle: bytes) -> Verification:
        """The verdict over a mutant of it."""
        return verify_bundle(bundle, self.trust, self.subject, now=self.now)


def _material(bundle: bytes, *others: bytes) -> Material:
    return Material(bundle, others, signer("stranger"))


def mixed_run() -> Recorded:
    """Every form: a list, a directory, a join, a declared root, an earlier run, no commit."""
    earlier = RunBuilder("run-0")
    made = earlier.step("clean", inputs=[source(b"raw", uri="https://data.example/raw")],
                        outputs={"table": artifact(b"t", kind=ArtifactKind.DIRECTORY)})  # fmt: skip
    build = RunBuilder("run-1")
    split = build.step(
        "split",
        inputs=[read(made, "table")],
        outputs={"part": b"one", "rest": artifact(b"rest", kind=ArtifactKind.DIRECTORY)},
        code=None,
        parameters=(
            Parameter("big", value="9007199254740993"),
            Parameter("secret", keyed_digest="hmac-sha256:k:" + "0" * 64),
            Parameter("text", value='{"text":"x"}'),
        ),
    )
    train = build.step(
        "train",
        inputs=[imported(b"seed", "init"), imported(b"one", "part"), read(split, "rest", "more")],
        outputs={"model": artifact(b"model", kind=ArtifactKind.DIRECTORY)},
        results=(Parameter("loss", value="0.25"),),
    )
    evaluate = build.step(
        "evaluate",
        inputs=[read(train, "model")],
        outputs={"metrics": artifact(METRICS, kind=ArtifactKind.VALUES)},
        attempt=2,
    )
    reader = MemoryReader([made, *build.steps])
    return Recorded(reader, (read(train, "model"), read(evaluate, "metrics")))


def _mixed() -> bytes:
    return signed(mixed_run().chain([Root(digest=digest(b"seed"))]), signer())


def two_signers(bundle: bytes) -> bytes:
    """The same chain as tasks that sign themselves and a collector would sign it."""
    *steps, summary = statements_of(bundle)
    for step in steps:
        step["predicate"]["runDetails"]["builder"]["id"] = STEP_BUILDER
    summary["predicate"]["verifier"]["id"] = COLLECTOR_BUILDER
    lines = forged([*steps, summary], signer("tasks")).splitlines(keepends=True)
    return (
        b"".join(lines[:-1])
        + forged([*steps, summary], signer(), relist=False).splitlines(keepends=True)[-1]
    )


def _key(name: str, *builders: str) -> TrustedSigner:
    pem = signer(name).public_pem
    return TrustedSigner(name, trusted_key(pem, name), frozenset(builders))


@cache
def key_signed() -> tuple[Original, ...]:
    """Bundles that keys signed."""
    trust = Trust.for_key(signer().public_pem)
    tabular = signed(tabular_run().chain(), signer())
    other = signed(tabular_run("run-2", b"other model", b"other raw").chain(), signer())
    retrained = signed(tabular_run("run-3").chain(), signer())
    linear = signed(linear_run(3).chain(), signer(), builder=OPERATOR_BUILDER)
    directory = Content(digest(b"model"), ArtifactKind.DIRECTORY)
    both = Trust((_key("trusted", COLLECTOR_BUILDER, IN_RUN_BUILDER), _key("tasks", STEP_BUILDER)))
    return (
        Original("tabular", _material(tabular, other, retrained), trust, content(b"model")),
        Original("linear", _material(linear, tabular), trust, content(b"2")),
        Original("mixed", _material(_mixed(), tabular, other), trust, directory),
        Original(
            "two-signers",
            _material(two_signers(tabular), tabular, two_signers(other)),
            both,
            content(b"model"),
        ),
    )


@cache
def keyless() -> tuple[Original, ...]:
    """Bundles of the corpus, which a real Sigstore once signed."""
    about = json.loads((CORPUS / "about.json").read_bytes())
    root = SigstoreRoot((CORPUS / "trusted_root.json").read_bytes())
    one = Trust.for_identity(about["identity"], about["issuer"], root)
    (by_key,) = Trust.for_key(signer().public_pem).signers
    trust = replace(one, signers=(*one.signers, by_key))
    now = datetime.fromisoformat(about["now"])
    tabular, other, single = (
        (CORPUS / f"{name}.sigstore.jsonl").read_bytes()
        for name in ("tabular", "tabular-other", "single")
    )
    by_key_too = key_signed()[0].material.bundle
    return (
        Original("keyless", _material(tabular, other, by_key_too), trust, content(b"model"), now),
        Original("keyless-short", _material(single, tabular), trust, content(b"0"), now),
    )
