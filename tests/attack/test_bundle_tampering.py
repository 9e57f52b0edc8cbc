"""Tampering with a really signed bundle: every attempt is refused with its code.

Two adversaries: one without the key edits the file; one with the key signs other
statements, which reaches the checks behind the signature.
"""

from __future__ import annotations

import base64
import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_provenance.attest import IN_RUN_BUILDER, OPERATOR_BUILDER
from kfp_provenance.bundle import read_bundle_file
from kfp_provenance.codes import REFUSALS, Code, ExitCode
from kfp_provenance.errors import BundleError
from kfp_provenance.facts import Digest
from kfp_provenance.lineage import Root
from kfp_provenance.signing import Signer
from kfp_provenance.verify import Trust, Verification, verify_bundle
from support.chains import (
    NOW,
    MemoryReader,
    Recorded,
    RunBuilder,
    content,
    digest,
    imported,
    key_pair,
    read,
    signed,
    source,
    tabular_run,
)
from support.forge import (
    CHAIN,
    Statement,
    dependencies,
    edit_line,
    external,
    forged,
    internal,
    joined,
    lines_of,
    sign_payload,
    sign_statement,
    statements_of,
)

INGEST, PREPROCESS, TRAIN, EVALUATE, SUMMARY = range(5)


@dataclass(frozen=True)
class Desk:
    """Two signers, of whom one is trusted, and bundles of several runs."""

    signer: Signer
    public: bytes
    stranger: Signer
    bundle: bytes
    other_run: bytes

    def verify(
        self, bundle: bytes, model: bytes = b"model", trust: Trust | None = None, **more: Any
    ) -> Verification:
        arguments = {"now": NOW, **more}
        return verify_bundle(
            bundle, trust or Trust.for_key(self.public), content(model), **arguments
        )

    def codes(self, bundle: bytes, model: bytes = b"model", **more: Any) -> set[Code]:
        verdict = self.verify(bundle, model, **more).verdict
        assert not verdict.passed
        assert verdict.exit_code is ExitCode.REFUSED
        for finding in verdict.findings:
            assert finding.code in REFUSALS
            assert finding.message
            assert finding.remedy
        return {finding.code for finding in verdict.findings}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("keys")
    signer, public = key_pair(folder, "signer")
    stranger, _ = key_pair(folder, "stranger")
    return Desk(
        signer,
        public,
        stranger,
        bundle=signed(tabular_run().chain(), signer),
        other_run=signed(tabular_run("run-2", b"other model", b"other raw").chain(), signer),
    )


def test_untouched_it_passes(desk: Desk) -> None:
    assert desk.verify(desk.bundle).verdict.passed
    assert desk.verify(desk.other_run, b"other model").verdict.passed


# --- without the key: the file --------------------------------------------------------


def test_other_bytes_are_not_the_model(desk: Desk) -> None:
    assert desk.codes(desk.bundle, b"model!") == {Code.SUBJECT_MISMATCH}


def test_an_older_good_bundle_does_not_fit_another_model(desk: Desk) -> None:
    assert desk.codes(desk.other_run) == {Code.SUBJECT_MISMATCH}


def test_an_intermediate_artifact_is_not_the_model(desk: Desk) -> None:
    assert desk.codes(desk.bundle, b"trainrun-1") == {Code.SUBJECT_MISMATCH}


@pytest.mark.parametrize("number", range(4))
def test_a_dropped_step_is_missed(desk: Desk, number: int) -> None:
    lines = lines_of(desk.bundle)
    del lines[number]
    assert Code.SUMMARY_MISMATCH in desk.codes(joined(lines))


def test_a_dropped_summary_is_missed(desk: Desk) -> None:
    assert desk.codes(joined(lines_of(desk.bundle)[:-1])) == {Code.SUMMARY_MISSING}


def test_swapped_lines_are_noticed(desk: Desk) -> None:
    lines = lines_of(desk.bundle)
    for one, other in ((0, 1), (3, 4)):
        swapped = list(lines)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        assert desk.codes(joined(swapped)) == {Code.SUMMARY_MISMATCH}


def test_a_line_twice_is_a_duplicate(desk: Desk) -> None:
    lines = lines_of(desk.bundle)
    assert desk.codes(joined([lines[0], *lines])) == {Code.CHAIN_STEP_DUPLICATE}
    assert desk.codes(joined([*lines, lines[-1]])) == {Code.SUMMARY_DUPLICATE}


def test_a_spliced_step_of_another_run_is_named(desk: Desk) -> None:
    lines, others = lines_of(desk.bundle), lines_of(desk.other_run)
    codes = desk.codes(joined([*lines[:-1], others[0], lines[-1]]))
    assert codes == {
        Code.SUMMARY_MISMATCH,
        Code.CHAIN_STEP_UNCONNECTED,
        Code.CHAIN_RUN_UNLINKED,
    }


def test_a_step_replaced_by_that_of_another_run_is_named(desk: Desk) -> None:
    lines, others = lines_of(desk.bundle), lines_of(desk.other_run)
    codes = desk.codes(joined([others[0], *lines[1:]]))
    assert {Code.SUMMARY_MISMATCH, Code.CHAIN_STEP_MISSING} <= codes


def test_the_summary_of_another_run_does_not_fit(desk: Desk) -> None:
    lines, others = lines_of(desk.bundle), lines_of(desk.other_run)
    codes = desk.codes(joined([*lines[:-1], others[-1]]), b"other model")
    assert {Code.SUMMARY_MISMATCH, Code.SUBJECT_UNKNOWN, Code.CHAIN_RUN_UNLINKED} <= codes


def test_what_the_bundle_says_cannot_write_on_the_terminal(desk: Desk) -> None:
    escape = "\x1b[2J\u202ePASS\n"
    for change in (
        lambda line: line["dsseEnvelope"].update(payloadType=escape * 1000),
        lambda line: line["verificationMaterial"]["publicKey"].update(hint=escape),
        lambda line: line.update({escape: 1}),
        lambda line: line.update(mediaType=escape),
    ):
        (finding,) = desk.verify(edit_line(desk.bundle, 0, change)).verdict.findings
        assert finding.found.isprintable()
        assert len(finding.found) < 1100


def test_two_bundles_in_one_file_are_refused(desk: Desk) -> None:
    assert desk.codes(desk.bundle + desk.other_run) == {Code.SUMMARY_DUPLICATE}


def change_payload(bundle: bytes, number: int, old: bytes, new: bytes) -> bytes:
    def change(line: dict[str, Any]) -> None:
        payload = base64.b64decode(line["dsseEnvelope"]["payload"])
        assert old in payload
        edited = payload.replace(old, new, 1)
        line["dsseEnvelope"]["payload"] = base64.b64encode(edited).decode()

    return edit_line(bundle, number, change)


@pytest.mark.parametrize(
    ("number", "old", "new"),
    [
        (TRAIN, b'"seed":7', b'"seed":8'),
        (TRAIN, digest(b"model").hex.encode(), digest(b"evil").hex.encode()),
        (SUMMARY, b"PASSED", b"FAILED"),
        (SUMMARY, digest(b"model").hex.encode(), digest(b"evil").hex.encode()),
    ],
)
def test_a_changed_payload_breaks_its_signature(
    desk: Desk, number: int, old: bytes, new: bytes
) -> None:
    tampered = change_payload(desk.bundle, number, old, new)
    assert desk.codes(tampered) == {Code.SIGNATURE_INVALID}


def test_the_payload_of_an_unsigned_line_is_never_interpreted(desk: Desk) -> None:
    tampered = change_payload(desk.bundle, SUMMARY, b"PASSED", b"\x1b[2J\xff")
    result = desk.verify(tampered)
    assert result.view is None
    assert [f.code for f in result.verdict.findings] == [Code.SIGNATURE_INVALID]


def signatures(line: dict[str, Any]) -> list[Any]:
    found: list[Any] = line["dsseEnvelope"]["signatures"]
    return found


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda line: signatures(line).clear(), Code.SIGNATURE_MISSING),
        (lambda line: signatures(line)[0].update(sig=""), Code.SIGNATURE_MISSING),
        (lambda line: signatures(line).append(signatures(line)[0]), Code.SIGNATURE_INVALID),
        (lambda line: signatures(line)[0].update(sig="AAAA"), Code.SIGNATURE_INVALID),
        (
            lambda line: line["dsseEnvelope"].update(payloadType="text/plain"),
            Code.MEDIA_TYPE_UNKNOWN,
        ),
        (lambda line: line.update(mediaType="text/plain"), Code.MEDIA_TYPE_UNKNOWN),
        (
            lambda line: line["verificationMaterial"]["publicKey"].update(hint="AAAA"),
            Code.SIGNER_UNTRUSTED,
        ),
        (
            lambda line: line["verificationMaterial"]["publicKey"].update(hint=None),
            Code.SIGNER_UNTRUSTED,
        ),
    ],
)
@pytest.mark.parametrize("number", [INGEST, SUMMARY])
def test_an_edited_envelope_is_refused(
    desk: Desk, number: int, change: Callable[[dict[str, Any]], None], code: Code
) -> None:
    assert desk.codes(edit_line(desk.bundle, number, change)) == {code}


def test_a_signature_of_another_line_does_not_fit(desk: Desk) -> None:
    signature = json.loads(lines_of(desk.bundle)[1])["dsseEnvelope"]["signatures"]
    tampered = edit_line(
        desk.bundle, 0, lambda line: line["dsseEnvelope"].update(signatures=signature)
    )
    assert desk.codes(tampered) == {Code.SIGNATURE_INVALID}


def test_another_key_is_not_trusted_for_one_line_or_all(desk: Desk) -> None:
    everything = forged(statements_of(desk.bundle), desk.stranger)
    assert desk.codes(everything) == {Code.SIGNER_UNTRUSTED}
    lines = lines_of(desk.bundle)
    lines[TRAIN] = sign_statement(statements_of(desk.bundle)[TRAIN], desk.stranger)
    assert desk.codes(joined(lines)) == {Code.SIGNER_UNTRUSTED}


def test_another_key_under_the_name_of_the_trusted_one(desk: Desk) -> None:
    def disguise(line: dict[str, Any]) -> None:
        line["verificationMaterial"]["publicKey"]["hint"] = desk.signer.hint

    bundle = forged(statements_of(desk.bundle), desk.stranger)
    for number in range(5):
        bundle = edit_line(bundle, number, disguise)
    assert desk.codes(bundle) == {Code.SIGNATURE_INVALID}


def test_a_step_dropped_and_the_rest_signed_with_another_key(desk: Desk) -> None:
    statements = statements_of(desk.bundle)
    del statements[INGEST]
    assert desk.codes(forged(statements, desk.stranger)) == {Code.SIGNER_UNTRUSTED}


def test_a_line_written_another_way_is_not_the_line(desk: Desk) -> None:
    lines = lines_of(desk.bundle)
    lines[0] = json.dumps(json.loads(lines[0]), indent=None).encode()
    assert desk.codes(joined(lines)) == {Code.SUMMARY_MISMATCH}


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"[" * 1_000_000,
        b'{"mediaType":' * 10_000,
        b'{"a":' + b"9" * 1_000_000 + b"}",
        b'{"a":1e999}',
        b'{"a":1,"a":2}',
        b"\x00" * 100,
        b"null",
    ],
    ids=lambda junk: repr(junk[:12]),
)
def test_junk_in_a_line_is_refused(desk: Desk, junk: bytes) -> None:
    lines = lines_of(desk.bundle)
    codes = desk.codes(joined([lines[0], junk, *lines[1:]]))
    assert codes <= {Code.BUNDLE_MALFORMED, Code.MEDIA_TYPE_UNKNOWN}


def test_100_mb_are_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "large.sigstore.jsonl"
    with path.open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    start = time.monotonic()
    with pytest.raises(BundleError) as caught:
        read_bundle_file(path)
    assert caught.value.code is Code.BUNDLE_TOO_LARGE
    assert time.monotonic() - start < 1


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_mutation_makes_it_say_something_else(desk: Desk, data: st.DataObject) -> None:
    """A mutation is refused, or the signed statements are the same bytes as before."""
    bundle = bytearray(desk.bundle)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(bundle) - 1))
        action = data.draw(st.sampled_from(["flip", "drop", "insert", "copy"]))
        if action == "flip":
            bundle[at] ^= data.draw(st.integers(1, 255))
        elif action == "drop":
            del bundle[at : at + data.draw(st.integers(1, 50))]
        elif action == "insert":
            bundle[at:at] = data.draw(st.binary(min_size=1, max_size=4))
        else:
            bundle[at:at] = bundle[at : at + data.draw(st.integers(1, 3000))]
    result = desk.verify(bytes(bundle))
    if result.verdict.passed:
        assert statements_of(bytes(bundle)) == statements_of(desk.bundle)


# --- with the key: other statements, signed --------------------------------------------

Change = Callable[[list[Statement]], object]


def set_digest(statement: Statement, data: bytes) -> None:
    statement["subject"][0]["digest"]["sha256"] = digest(data).hex


def drop(number: int) -> Change:
    return lambda statements: statements.pop(number)


def add_cycle(statements: list[Statement]) -> None:
    """ingest reads the model that comes from it."""
    model = copy.deepcopy(dependencies(statements[EVALUATE])[0])
    dependencies(statements[INGEST]).insert(0, model)


def forget_root(statements: list[Statement]) -> None:
    statements[SUMMARY]["predicate"][CHAIN]["roots"] = []


def invent_root(statements: list[Statement]) -> None:
    roots = statements[SUMMARY]["predicate"][CHAIN]["roots"]
    roots.append({**roots[0], "input": "invented"})


def undeclared(statements: list[Statement]) -> None:
    """The step no longer says that it read the source itself."""
    dependencies(statements[INGEST])[0]["annotations"]["origin"] = "imported"


def other_run(statements: list[Statement]) -> None:
    internal(statements[INGEST])["run"] = "run-9"


def name_earlier_run(statements: list[Statement]) -> None:
    statements[SUMMARY]["predicate"][CHAIN]["reusedRuns"] = ["run-9"]


def join_by_force(statements: list[Statement]) -> None:
    """The summary says that an undeclared input is the output of a step that it is not."""
    undeclared(statements)
    chain = statements[SUMMARY]["predicate"][CHAIN]
    chain["roots"] = []
    chain["joins"] = [
        {
            "step": "run-1/ingest",
            "input": "raw",
            "index": 0,
            "producer": "run-1/train",
            "output": "model",
            "outputIndex": 0,
        }
    ]


def join_of_nothing(statements: list[Statement]) -> None:
    join_by_force(statements)
    dependencies(statements[INGEST])[0]["annotations"]["origin"] = "source"


def set_summary(**fields: object) -> Change:
    return lambda statements: statements[SUMMARY]["predicate"].update(fields)


def in_chain(**fields: object) -> Change:
    return lambda statements: statements[SUMMARY]["predicate"][CHAIN].update(fields)


def builder(number: int, uri: str) -> Change:
    def change(statements: list[Statement]) -> None:
        predicate = statements[number]["predicate"]
        party = predicate["verifier"] if number == SUMMARY else predicate["runDetails"]["builder"]
        party["id"] = uri

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (drop(INGEST), Code.CHAIN_STEP_MISSING),
        (drop(TRAIN), Code.SUBJECT_UNKNOWN),
        (lambda s: set_digest(s[TRAIN], b"evil"), Code.SUBJECT_UNKNOWN),
        (lambda s: set_digest(s[INGEST], b"evil"), Code.CHAIN_INPUT_MISMATCH),
        (lambda s: s[INGEST]["subject"][0].update(name="renamed"), Code.CHAIN_INPUT_MISMATCH),
        (
            lambda s: s[INGEST]["subject"][0]["annotations"].update(kind="directory"),
            Code.CHAIN_INPUT_MISMATCH,
        ),
        (lambda s: set_digest(s[SUMMARY], b"evil"), Code.SUBJECT_MISMATCH),
        (lambda s: s[SUMMARY]["subject"].reverse(), Code.SUBJECT_MISMATCH),
        (
            lambda s: s[SUMMARY]["subject"].append(s[SUMMARY]["subject"][0]),
            Code.SUMMARY_MISMATCH,
        ),
        (add_cycle, Code.CHAIN_CYCLE),
        (forget_root, Code.SUMMARY_MISMATCH),
        (invent_root, Code.SUMMARY_MISMATCH),
        (
            lambda s: s[SUMMARY]["predicate"][CHAIN]["roots"].append(
                s[SUMMARY]["predicate"][CHAIN]["roots"][0]
            ),
            Code.SUMMARY_MISMATCH,
        ),
        (
            lambda s: s[SUMMARY]["predicate"][CHAIN]["roots"][0].update(uri="gs://evil"),
            Code.SUMMARY_MISMATCH,
        ),
        (undeclared, Code.CHAIN_INPUT_UNDECLARED),
        (join_by_force, Code.CHAIN_INPUT_MISMATCH),
        (join_of_nothing, Code.SUMMARY_MISMATCH),
        (other_run, Code.CHAIN_RUN_UNLINKED),
        (name_earlier_run, Code.SUMMARY_MISMATCH),
        (in_chain(reusedRuns=["run-1"]), Code.SUMMARY_MISMATCH),
        (in_chain(run="run-9"), Code.CHAIN_RUN_UNLINKED),
        (
            lambda s: external(s[INGEST])["pipeline"].update(name="other"),
            Code.CHAIN_PIPELINE_MISMATCH,
        ),
        (
            lambda s: external(s[INGEST])["pipeline"].update(digest="sha256:other"),
            Code.CHAIN_PIPELINE_MISMATCH,
        ),
        (lambda s: internal(s[INGEST]).update(namespace="b"), Code.CHAIN_PIPELINE_MISMATCH),
        (in_chain(pipeline={"name": "other"}), Code.CHAIN_PIPELINE_MISMATCH),
        (set_summary(verificationResult="FAILED"), Code.SUMMARY_FAILED),
        (set_summary(verifiedLevels=["SLSA_BUILD_LEVEL_3"]), Code.SUMMARY_MISMATCH),
        (set_summary(verifiedLevels=[]), Code.SUMMARY_MISMATCH),
        (set_summary(timeVerified="2026-03-02T12:00:00Z"), Code.TIME_INVALID),
        (set_summary(timeVerified="9999-12-31T23:59:59Z"), Code.TIME_INVALID),
        (set_summary(timeVerified="0001-01-01T00:00:00Z"), Code.TIME_INVALID),
        (builder(INGEST, "https://example.com/builder"), Code.BUILDER_UNTRUSTED),
        (builder(SUMMARY, "https://example.com/builder"), Code.BUILDER_UNTRUSTED),
        (
            lambda s: s[INGEST].update(predicateType="https://example.com/predicate"),
            Code.PREDICATE_UNKNOWN,
        ),
        (
            lambda s: s[SUMMARY].update(predicateType="https://example.com/predicate"),
            Code.PREDICATE_UNKNOWN,
        ),
        (lambda s: s[INGEST].update(_type="other"), Code.STATEMENT_MALFORMED),
        (lambda s: s[INGEST].update(extra=1), Code.STATEMENT_MALFORMED),
        (lambda s: s[INGEST]["subject"].clear(), Code.STATEMENT_MALFORMED),
        (
            lambda s: s[INGEST].update(subject=s[INGEST]["subject"] * 1025),
            Code.STATEMENT_MALFORMED,
        ),
        (
            lambda s: external(s[INGEST])["parameters"].update(n=2**53),
            Code.STATEMENT_MALFORMED,
        ),
    ],
)
def test_whoever_has_the_key_cannot_sign_a_broken_chain(
    desk: Desk, change: Change, code: Code
) -> None:
    statements = statements_of(desk.bundle)
    change(statements)
    assert code in desk.codes(forged(statements, desk.signer))


def test_the_forging_desk_itself_makes_good_bundles(desk: Desk) -> None:
    assert desk.verify(forged(statements_of(desk.bundle), desk.signer)).verdict.passed


def test_a_changed_step_signed_again_is_not_the_one_the_summary_names(desk: Desk) -> None:
    lines, statements = lines_of(desk.bundle), statements_of(desk.bundle)
    external(statements[TRAIN])["parameters"]["seed"] = 8
    lines[TRAIN] = sign_statement(statements[TRAIN], desk.signer)
    assert desk.codes(joined(lines)) == {Code.SUMMARY_MISMATCH}


def test_an_unconnected_step_is_named_although_the_summary_names_it(desk: Desk) -> None:
    statements, others = statements_of(desk.bundle), statements_of(desk.other_run)
    statements.insert(0, others[INGEST])
    codes = desk.codes(forged(statements, desk.signer))
    assert {Code.CHAIN_STEP_UNCONNECTED, Code.CHAIN_RUN_UNLINKED} <= codes


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"predicateType":"https://slsa.dev/provenance/v1"}',
        b'{"predicateType":["https://slsa.dev/provenance/v1"]}',
        b"[" * 500_000,
        b'{"a":1,"a":1}',
        b'{"predicateType":"\\ud800"}',
        b"\xff",
    ],
    ids=lambda payload: repr(payload[:16]),
)
def test_a_signed_payload_that_is_no_statement_is_refused(desk: Desk, payload: bytes) -> None:
    lines = [sign_payload(payload, desk.signer), *lines_of(desk.bundle)[1:]]
    assert desk.codes(joined(lines)) == {Code.STATEMENT_MALFORMED}


def test_equal_keys_in_a_signed_statement_are_refused(desk: Desk) -> None:
    statement = statements_of(desk.bundle)[TRAIN]
    text = json.dumps(statement).encode()
    doubled = text.replace(b'"predicateType"', b'"predicateType":"x","predicateType"', 1)
    lines = lines_of(desk.bundle)
    lines[TRAIN] = sign_payload(doubled, desk.signer)
    assert desk.codes(joined(lines)) == {Code.STATEMENT_MALFORMED}


def test_a_join_into_another_run_is_refused(desk: Desk) -> None:
    earlier = RunBuilder("run-0")
    made = earlier.step("make", inputs=[source(b"raw")], outputs={"table": b"t"})
    build = RunBuilder("run-1")
    first = build.step("first", inputs=[read(made, "table")], outputs={"x": b"x"})
    train = build.step(
        "train", inputs=[imported(b"t"), read(first, "x")], outputs={"model": b"model"}
    )
    recorded = Recorded(MemoryReader([made, *build.steps]), (read(train, "model"),))
    chain = recorded.chain([Root(digest=digest(b"t"))])
    statements = statements_of(signed(chain, desk.signer))
    extension = statements[-1]["predicate"][CHAIN]
    extension["roots"] = [r for r in extension["roots"] if r["declaredBy"] == "step"]
    extension["joins"] = [
        {
            "step": "run-1/train",
            "input": "imported",
            "index": 0,
            "producer": "run-0/make",
            "output": "table",
            "outputIndex": 0,
        }
    ]
    assert desk.codes(forged(statements, desk.signer)) == {Code.CHAIN_RUN_UNLINKED}


# --- limits of the trust policy ---------------------------------------------------------


def limited(desk: Desk, **limits: Any) -> Trust:
    trust = Trust.for_key(desk.public)
    roots = limits.pop("roots", None)
    return Trust((replace(trust.signers[0], **limits),), roots)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"pipelines": frozenset({"other"})}, Code.PIPELINE_UNTRUSTED),
        ({"namespaces": frozenset({"team-b", ""})}, Code.NAMESPACE_UNTRUSTED),
        ({"roots": frozenset({str(digest(b"other"))})}, Code.ROOT_UNTRUSTED),
        ({"builders": frozenset({"https://example.com/notary"})}, Code.BUILDER_UNTRUSTED),
    ],
)
def test_beyond_its_limits_a_trusted_signer_is_refused(
    desk: Desk, limits: dict[str, Any], code: Code
) -> None:
    assert desk.codes(desk.bundle, trust=limited(desk, **limits)) == {code}


def test_a_key_that_may_sign_in_the_run_may_not_sign_from_outside(desk: Desk) -> None:
    outside = signed(tabular_run().chain(), desk.signer, builder=OPERATOR_BUILDER)
    assert desk.verify(outside).verdict.passed
    trust = limited(desk, builders=frozenset({IN_RUN_BUILDER}))
    assert desk.codes(outside, trust=trust) == {Code.BUILDER_UNTRUSTED}


def test_within_its_limits_it_passes(desk: Desk) -> None:
    trust = limited(
        desk,
        pipelines=frozenset({"tabular-training"}),
        namespaces=frozenset({"team-a"}),
        roots=frozenset({str(digest(b"raw"))}),
    )
    assert desk.verify(desk.bundle, trust=trust).verdict.passed


def test_a_second_trusted_key_does_not_lend_its_rights(desk: Desk, tmp_path: Path) -> None:
    own = Trust.for_key(desk.public).signers[0]
    other = Trust.for_key(desk.stranger.public_pem).signers[0]
    trust = Trust((own, replace(other, pipelines=frozenset({"other"}))))
    assert desk.verify(desk.bundle, trust=trust).verdict.passed
    lines, statements = lines_of(desk.bundle), statements_of(desk.bundle)
    steps = [*statements[:-1]]
    mixed = forged([*steps, statements[-1]], desk.stranger)
    assert desk.codes(mixed, trust=trust) == {Code.PIPELINE_UNTRUSTED}
    assert len(lines) == len(lines_of(mixed))


def test_a_bundle_from_the_future_is_refused(desk: Desk) -> None:
    early = NOW - timedelta(hours=1)
    assert desk.codes(desk.bundle, now=early) == {Code.TIME_INVALID}


def test_a_subject_that_the_bundle_does_not_have(desk: Desk) -> None:
    assert desk.codes(desk.bundle, subject_name="weights") == {Code.SUBJECT_UNKNOWN}


def test_all_that_is_wrong_is_said_at_once(desk: Desk) -> None:
    statements = statements_of(desk.bundle)
    set_digest(statements[INGEST], b"evil")
    forget_root(statements)
    codes = desk.codes(forged(statements, desk.signer), b"other bytes")
    assert codes == {
        Code.SUBJECT_MISMATCH,
        Code.CHAIN_INPUT_MISMATCH,
        Code.SUMMARY_MISMATCH,
    }


def test_a_finding_says_where_and_what(desk: Desk) -> None:
    statements = statements_of(desk.bundle)
    set_digest(statements[INGEST], b"evil")
    (finding,) = desk.verify(forged(statements, desk.signer)).verdict.findings
    assert finding.step == "preprocess (run-1/preprocess)"
    assert finding.artifact == "table"
    assert str(digest(b"evil")) in finding.expected
    assert str(Digest(digest(b"tableraw").hex)) in finding.found
