"""Attacks on the bundle by somebody without a key: its file is edited, mixed or replaced."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from kfp_provenance.codes import Code
from support.drill.model import Act, Adversary, Attack, Codes, Given, Ground, Place, trials
from support.drill.rewrites import (
    ASSESS,
    CONTROL,
    FIT,
    GATHER,
    P256,
    SUMMARY,
    Rewrite,
    first_of_the_other,
    line,
    lines,
    long_form,
    loose,
    material,
    mixed,
    other_form,
    payload,
    replace,
    respaced,
    rewritten,
    signature,
    signature_of_another,
    signatures,
    strip,
    text,
)
from support.drill.scenes import RunsScene, Scene

_MISMATCH = Code.SUMMARY_MISMATCH
_INVALID = Code.SIGNATURE_INVALID
_MALFORMED = Code.BUNDLE_MALFORMED

_STEP, _UNKNOWN = Code.CHAIN_STEP_MISSING, Code.SUBJECT_UNKNOWN
_LOOSE, _RUN = Code.CHAIN_STEP_UNCONNECTED, Code.CHAIN_RUN_UNLINKED
_SPLICED = (_MISMATCH, _STEP, _UNKNOWN, _LOOSE, _RUN)

LINES: tuple[tuple[str, Rewrite, Codes], ...] = (
    ("the first step dropped", lines(lambda x: x.pop(GATHER)), (_MISMATCH, _STEP, _UNKNOWN)),
    (
        "the training step dropped", lines(lambda x: x.pop(FIT)),
        (_MISMATCH, _STEP, _UNKNOWN),
    ),
    ("the evaluation dropped", lines(lambda x: x.pop(ASSESS)), (_MISMATCH, _UNKNOWN, _LOOSE)),
    ("the summary dropped", lines(lambda x: x.pop(SUMMARY)), Code.SUMMARY_MISSING),
    (
        "all steps dropped", lines(lambda x: x.__setitem__(slice(0, SUMMARY), [])),
        (_MISMATCH, _UNKNOWN, Code.CHAIN_PIPELINE_MISMATCH),
    ),
    ("two steps in the other order", lines(lambda x: x.insert(0, x.pop(1))), _MISMATCH),
    ("the summary put first", lines(lambda x: x.insert(0, x.pop())), _MISMATCH),
    ("a step twice", lines(lambda x: x.insert(0, x[0])), Code.CHAIN_STEP_DUPLICATE),
    ("the summary twice", lines(lambda x: x.append(x[-1])), Code.SUMMARY_DUPLICATE),
    ("a step of an older run in place of the own", mixed(first_of_the_other, "older"), _SPLICED),
    ("a step of a run with equal bytes", mixed(first_of_the_other, "again"), _SPLICED),
    (
        "a step of another run added", mixed(lambda x, o: [o[GATHER], *x], "older"),
        (_MISMATCH, _LOOSE, _RUN),
    ),
    (
        "half of the steps of another run",
        mixed(lambda x, o: [*o[:CONTROL], *x[CONTROL:]], "older"), _SPLICED,
    ),
    (
        "the summary of a run with equal bytes",
        mixed(lambda x, o: [*x[:SUMMARY], o[SUMMARY]], "again"),
        (_MISMATCH, _UNKNOWN, _LOOSE, _RUN, Code.CHAIN_PIPELINE_MISMATCH),
    ),
    ("two bundles in one file", mixed(lambda x, o: [*x, *o], "older"), Code.SUMMARY_DUPLICATE),
)  # fmt: skip

SIGNATURES: tuple[tuple[str, Rewrite, Codes], ...] = (
    ("a signature stripped", line(GATHER, strip), Code.SIGNATURE_MISSING),
    ("the summary's signature stripped", line(SUMMARY, strip), Code.SIGNATURE_MISSING),
    ("a signature emptied", signature(FIT, lambda _: b""), Code.SIGNATURE_MISSING),
    (
        "a second signature", line(FIT, lambda v: signatures(v).append(signatures(v)[0])),
        _INVALID,
    ),
    ("the signature of another line", signature_of_another, _INVALID),
    ("a step's signature as (r, n - s)", signature(FIT, other_form), _MISMATCH),
    ("bytes behind a signature", signature(SUMMARY, lambda der: der + b"\0"), _INVALID),
    ("a signature in another encoding of its numbers", signature(SUMMARY, long_form), _INVALID),
    (
        "a signature of zeros", signature(SUMMARY, lambda _: encode_dss_signature(0, 0)),
        _INVALID,
    ),
    (
        "a signature of the group's order",
        signature(SUMMARY, lambda _: encode_dss_signature(P256, P256)), _INVALID,
    ),
    ("the hint of a key removed", material(FIT, publicKey={}), _MALFORMED),
    ("the hint of a key emptied", material(FIT, publicKey={"hint": ""}), Code.SIGNER_UNTRUSTED),
    (
        "the hint of an unknown key", material(FIT, publicKey={"hint": "A" * 43 + "="}),
        Code.SIGNER_UNTRUSTED,
    ),
    (
        "key and certificate on one line", material(FIT, certificate={"rawBytes": "AAAA"}),
        _MALFORMED,
    ),
    (
        "neither key nor certificate", line(FIT, lambda v: v["verificationMaterial"].clear()),
        _MALFORMED,
    ),
)  # fmt: skip

SIGNED: tuple[tuple[str, Rewrite, Codes], ...] = (
    ("a parameter changed in a statement", payload(FIT, '"rate":0.2', '"rate":0.1'), _INVALID),
    (
        "the model's digest changed in a statement", payload(FIT, '"sha256":"', '"sha256":"0'),
        _INVALID,
    ),
    ("metrics improved in a statement", payload(ASSESS, '"content":"e', '"content":"f'), _INVALID),
    ("the verdict changed in the summary", payload(SUMMARY, "PASSED", "FAILED"), _INVALID),
    ("a root replaced in the summary", payload(SUMMARY, "/raw", "/bad"), _INVALID),
    (
        "the type of a payload changed",
        line(FIT, lambda v: v["dsseEnvelope"].update(payloadType="application/json")),
        Code.MEDIA_TYPE_UNKNOWN,
    ),
    (
        "an older format named",
        line(FIT, lambda v: v.update(mediaType=v["mediaType"].replace("v0.3", "v0.2"))),
        Code.MEDIA_TYPE_UNKNOWN,
    ),
)  # fmt: skip

WRITING: tuple[tuple[str, Rewrite, Codes], ...] = (
    ("white space in the line of a step", replace(FIT, respaced), _MISMATCH),
    (
        "base64 with a line break", text(FIT, lambda t: t[:8] + "\n" + t[8:], of="payload"),
        _MALFORMED,
    ),
    ("base64 of a statement with loose bits", text(SUMMARY, loose, of="payload"), _MALFORMED),
    ("base64 of a signature with loose bits", text(SUMMARY, loose, of="sig"), _MALFORMED),
    ("base64 padded twice", text(SUMMARY, lambda t: t + "==", of="sig"), _MALFORMED),
    (
        "base64 in the alphabet of addresses",
        text(SUMMARY, lambda t: t.replace(t[5], "-"), of="payload"), _MALFORMED,
    ),
    (
        "fields by the names of other programs",
        line(SUMMARY, lambda v: v.update(dsse_envelope=v.pop("dsseEnvelope"))), _MALFORMED,
    ),
    ("a field that nobody knows", line(SUMMARY, lambda v: v.update(verified=True)), _MALFORMED),
    ("other line ends in the bundle", lambda b, _: b.replace(b"\n", b"\r\n"), _MISMATCH),
    ("a blank line between two lines", lines(lambda x: x.insert(2, b"")), _MALFORMED),
    ("a byte order mark before the bundle", lambda b, _: b"\xef\xbb\xbf" + b, _MALFORMED),
    ("the bundle cut in the middle", lambda b, _: b[: len(b) // 2], _MALFORMED),
    ("the bundle emptied", lambda _b, _s: b"", _MALFORMED),
)  # fmt: skip


def _other_bundle(run: str) -> Act:
    def act(scene: Scene) -> Given:
        assert isinstance(scene, RunsScene)
        return scene.given().but(bundle=scene.runs[run].bundle)

    return act


def _old_pair(scene: Scene) -> Given:
    """The older model with the newer bundle: the other way round."""
    assert isinstance(scene, RunsScene)
    return scene.given().but(path=scene.runs["older"].model)


def attacks() -> Iterator[Attack]:
    """Replayed bundles, then edited ones."""
    replayed = (
        ("an older bundle of the same model, replayed", _other_bundle("older")),
        ("the bundle of another pipeline", _other_bundle("another")),
        ("the newer bundle with the older model", _old_pair),
    )
    for name, act in replayed:
        yield _attack(name, act, Code.SUBJECT_MISMATCH)
    for name, change, codes in (*LINES, *SIGNATURES, *SIGNED, *WRITING):
        yield _attack(name, rewritten(change), codes)


def _attack(name: str, act: Act, codes: Codes) -> Attack:
    return Attack(name, Adversary.BUNDLE, trials(Ground.DRILL, act, {Place.VERIFY: codes}))
