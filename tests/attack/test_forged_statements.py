"""Tampering with the key: whoever has it still cannot sign a chain that does not hold."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.lineage import Root
from support.chains import (
    MemoryReader,
    Recorded,
    RunBuilder,
    digest,
    imported,
    read,
    signed,
    source,
)
from support.forge import (
    CHAIN,
    Statement,
    dependencies,
    external,
    forged,
    forget_root,
    internal,
    joined,
    lines_of,
    set_digest,
    sign_payload,
    sign_statement,
    statements_of,
)
from support.forging_desk import EVALUATE, INGEST, SUMMARY, TRAIN, Desk

# --- with the key: other statements, signed --------------------------------------------

Change = Callable[[list[Statement]], object]


def drop(number: int) -> Change:
    return lambda statements: statements.pop(number)


def add_cycle(statements: list[Statement]) -> None:
    """ingest reads the model that comes from it."""
    model = copy.deepcopy(dependencies(statements[EVALUATE])[0])
    dependencies(statements[INGEST]).insert(0, model)


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
