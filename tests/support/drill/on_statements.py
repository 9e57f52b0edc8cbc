"""Attacks by whoever has the trusted key: what is signed does not hold."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from kfp_provenance.codes import Code
from support.drill.model import Act, Adversary, Attack, Codes, Given, Ground, Place, trials
from support.drill.on_keys import resigned
from support.drill.rewrites import ASSESS, FIT, GATHER, SUMMARY
from support.drill.scenes import RunsScene, Scene
from support.forge import (
    CHAIN,
    Statement,
    dependencies,
    external,
    forget_root,
    internal,
    joined,
    lines_of,
    set_digest,
    sign_payload,
    statements_of,
)

Change = Callable[[list[Statement]], object]


def of_summary(**fields: object) -> Change:
    return lambda s: s[SUMMARY]["predicate"].update(fields)


def of_chain(**fields: object) -> Change:
    return lambda s: s[SUMMARY]["predicate"][CHAIN].update(fields)


def _moved(**difference: float) -> Change:
    """The clock of the signing step was wrong."""

    def change(statements: list[Statement]) -> None:
        summary = statements[SUMMARY]["predicate"]
        moment = datetime.fromisoformat(summary["timeVerified"]) + timedelta(**difference)
        summary["timeVerified"] = moment.isoformat().replace("+00:00", "Z")

    return change


def _backwards(statements: list[Statement]) -> None:
    times = statements[FIT]["predicate"]["runDetails"]["metadata"]
    times["startedOn"], times["finishedOn"] = times["finishedOn"], times["startedOn"]


def _other_run(run: str) -> Act:
    """The first step of another run, signed into the chain."""

    def act(scene: Scene) -> Given:
        assert isinstance(scene, RunsScene)
        first = statements_of(scene.runs[run].bundle.read_bytes())[GATHER]
        return resigned("signer", lambda s: s.__setitem__(GATHER, first))(scene)

    return act


def _named_other_run(scene: Scene) -> Given:
    """Likewise, and the summary says that it was taken from the cache."""
    assert isinstance(scene, RunsScene)
    older = scene.runs["older"]
    first = statements_of(older.bundle.read_bytes())[GATHER]

    def change(statements: list[Statement]) -> None:
        statements[GATHER] = first
        of_chain(reusedRuns=[older.run])(statements)

    return resigned("signer", change)(scene)


def _better(statements: list[Statement]) -> None:
    """Metrics with a digest that is not theirs."""
    (values,) = (
        b for b in statements[ASSESS]["predicate"]["runDetails"]["byproducts"] if "content" in b
    )
    values["content"] = "eyJhY2N1cmFjeSI6MX0="


def _cycle(statements: list[Statement]) -> None:
    """The data set comes from the model that was made of it."""
    model = copy.deepcopy(dependencies(statements[ASSESS])[1])
    assert model["annotations"]["output"] == "model"
    dependencies(statements[GATHER]).append(model)


def _payload(number: int, change: Callable[[bytes], bytes]) -> Act:
    """Signed bytes that have no one meaning."""

    def act(scene: Scene) -> Given:
        assert isinstance(scene, RunsScene)
        data = scene.run.bundle.read_bytes()
        statement = json.dumps(statements_of(data)[number]).encode()
        lines = lines_of(data)
        lines[number] = sign_payload(change(statement), scene.signer())
        assert change(statement) != statement
        return scene.given().but(bundle=scene.bundle(joined(lines)))

    return act


def _twice(statement: bytes) -> bytes:
    return statement.replace(b'"predicateType"', b'"predicateType": "x", "predicateType"', 1)


def _into(value: str) -> Callable[[bytes], bytes]:
    """Another value of a parameter, as JSON."""
    return lambda statement: statement.replace(b'"rate": 0.2', b'"rate": ' + value.encode(), 1)


_MISMATCH, _MALFORMED = Code.SUMMARY_MISMATCH, Code.STATEMENT_MALFORMED
_INPUT, _UNKNOWN = Code.CHAIN_INPUT_MISMATCH, Code.SUBJECT_UNKNOWN
_BUILDER = "https://builders.example/notary"

CHANGED: tuple[tuple[str, Change, Codes], ...] = (
    (
        "a step dropped, the rest signed again",
        lambda s: s.pop(GATHER),
        (Code.CHAIN_STEP_MISSING, _UNKNOWN, _MISMATCH),
    ),
    (
        "other bytes stated for a data set",
        lambda s: set_digest(s[GATHER], b"x"),
        (_INPUT, _UNKNOWN),
    ),
    ("other bytes stated for the model", lambda s: set_digest(s[FIT], b"x"), (_INPUT, _UNKNOWN)),
    (
        "another model named by the summary",
        lambda s: set_digest(s[SUMMARY], b"x"),
        (Code.SUBJECT_MISMATCH, _UNKNOWN),
    ),
    (
        "the evidence named before the model",
        lambda s: s[SUMMARY]["subject"].reverse(),
        Code.SUBJECT_MISMATCH,
    ),
    (
        "one subject twice",
        lambda s: s[SUMMARY]["subject"].append(s[SUMMARY]["subject"][0]),
        _MISMATCH,
    ),
    (
        "an output stated under another name",
        lambda s: s[GATHER]["subject"][0].update(name="x"),
        (_INPUT, _UNKNOWN),
    ),
    (
        "a directory stated as a file",
        lambda s: s[GATHER]["subject"][0]["annotations"].update(kind="file"),
        (_INPUT, _UNKNOWN),
    ),
    ("a root kept from the summary", forget_root, _MISMATCH),
    (
        "a root replaced",
        lambda s: s[SUMMARY]["predicate"][CHAIN]["roots"][0].update(uri="/evil"),
        _MISMATCH,
    ),
    (
        "a source stated as imported",
        lambda s: dependencies(s[GATHER])[0]["annotations"].update(origin="imported"),
        (Code.CHAIN_INPUT_UNDECLARED, _MISMATCH),
    ),
    ("a step upstream of itself", _cycle, (Code.CHAIN_CYCLE,)),
    (
        "a step of another pipeline",
        lambda s: external(s[GATHER])["pipeline"].update(name="x"),
        Code.CHAIN_PIPELINE_MISMATCH,
    ),
    (
        "a step of another namespace",
        lambda s: internal(s[GATHER]).update(namespace="x"),
        Code.CHAIN_PIPELINE_MISMATCH,
    ),
    (
        "a step said to be of another run",
        lambda s: internal(s[GATHER]).update(run="x"),
        Code.CHAIN_RUN_UNLINKED,
    ),
    (
        "a chain that its own summary refuses",
        of_summary(verificationResult="FAILED"),
        Code.SUMMARY_FAILED,
    ),
    ("a higher level claimed", of_summary(verifiedLevels=["SLSA_BUILD_LEVEL_3"]), _MISMATCH),
    (
        "the summary of another verifier",
        of_summary(verifier={"id": _BUILDER}),
        Code.BUILDER_UNTRUSTED,
    ),
    (
        "a step of another builder",
        lambda s: s[FIT]["predicate"]["runDetails"]["builder"].update(id=_BUILDER),
        Code.BUILDER_UNTRUSTED,
    ),
    ("the signer's clock set back", _moved(hours=-1), Code.TIME_INVALID),
    ("the signer's clock ahead", _moved(hours=1), Code.TIME_INVALID),
    ("a step that ended before it began", _backwards, _MALFORMED),
    (
        "an unknown predicate type",
        lambda s: s[FIT].update(predicateType="https://example.com/p"),
        Code.PREDICATE_UNKNOWN,
    ),
    (
        "an unknown predicate type of the summary",
        lambda s: s[SUMMARY].update(predicateType="https://example.com/p"),
        Code.PREDICATE_UNKNOWN,
    ),
    (
        "an unknown build type",
        lambda s: s[FIT]["predicate"]["buildDefinition"].update(buildType="https://example.com/b"),
        Code.PREDICATE_UNKNOWN,
    ),
    ("a failed step, which has no output", lambda s: s[FIT]["subject"].clear(), _MALFORMED),
    ("metrics improved, their digest kept", _better, _MALFORMED),
    ("a field that the statement does not have", lambda s: s[FIT].update(waived=True), _MALFORMED),
    (
        "more subjects than a statement has",
        lambda s: s[FIT].update(subject=s[FIT]["subject"] * 1000),
        _MALFORMED,
    ),
)

PAYLOADS: tuple[tuple[str, Act], ...] = (
    ("a key twice in a signed statement", _payload(FIT, _twice)),
    ("a huge number in a signed statement", _payload(FIT, _into("9" * 400))),
    ("a number beyond all doubles in a signed statement", _payload(FIT, _into("1e999"))),
    ("no number in a signed statement", _payload(FIT, _into("NaN"))),
    ("deep nesting in a signed statement", _payload(FIT, _into("[" * 200 + "]" * 200))),
    ("very deep nesting in a signed statement", _payload(FIT, _into("[" * 100_000))),
    ("half of a character in a signed statement", _payload(FIT, _into('"\\ud800"'))),
    ("bytes that are no text, signed", _payload(FIT, lambda s: s + b"\xff")),
    ("nothing, signed", _payload(FIT, lambda _: b"")),
)


def attacks() -> Iterator[Attack]:
    """Chains that do not hold, then bytes that are no statement."""
    linked: Codes = (Code.CHAIN_STEP_MISSING, Code.CHAIN_STEP_UNCONNECTED, _UNKNOWN, _MISMATCH)
    found: list[tuple[str, Act, Codes]] = [
        (name, resigned("signer", change), codes) for name, change, codes in CHANGED
    ]
    found += [(name, act, _MALFORMED) for name, act in PAYLOADS]
    found.append(
        (
            "steps of two runs signed as one chain",
            _other_run("older"),
            (*linked, Code.CHAIN_RUN_UNLINKED),
        )
    )
    found.append(("a step of another run said to be reused", _named_other_run, linked))
    for name, act, codes in found:
        places = trials(Ground.DRILL, act, {Place.VERIFY: codes})
        yield Attack(name, Adversary.TRUSTED_KEY, places)
