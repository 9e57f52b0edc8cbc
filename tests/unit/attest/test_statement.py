"""A step becomes a SLSA statement and comes back whole."""

from __future__ import annotations

import base64
import hashlib
import json
import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.attest import (
    AttestationReference,
    StepStatement,
    Summary,
    make_statement,
    make_summary,
    parse_statement,
)
from kfp_provenance.attest.identifiers import CHAIN_EXTENSION
from kfp_provenance.attest.models import SummaryPredicate
from kfp_provenance.attest.policy import CHAIN_POLICY_DIGEST, CHAIN_POLICY_TEXT
from kfp_provenance.codes import Code
from kfp_provenance.errors import BundleError, ChainError
from kfp_provenance.facts import (
    Artifact,
    ArtifactKind,
    CodeState,
    Digest,
    Input,
    InputOrigin,
    Outcome,
    Output,
    Parameter,
    Step,
)
from kfp_provenance.lineage import StoredArtifact, StoredBytes, UnreadArtifact
from support.chains import (
    ENVIRONMENT,
    METRICS,
    NOW,
    RunBuilder,
    artifact,
    digest,
    imported,
    read,
    source,
    tabular_run,
)


def train_step() -> Step:
    return tabular_run().reader.steps["run-1/train"]


def stated(step: Step) -> dict[str, Any]:
    return dict(json.loads(make_statement(step, ENVIRONMENT)))


def parsed(step: Step) -> Step:
    statement = parse_statement(make_statement(step, ENVIRONMENT))
    assert isinstance(statement, StepStatement)
    return statement.step


def test_the_statement_has_the_fields_of_slsa_provenance() -> None:
    statement = stated(train_step())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    (subject,) = statement["subject"]
    assert subject["name"] == "model"
    assert subject["digest"] == {"sha256": digest(b"model").hex}
    assert all(isinstance(value, str) for value in subject["annotations"].values())
    build = statement["predicate"]["buildDefinition"]
    assert build["buildType"] == "https://kfp-provenance.dev/kfp-step/v1"
    assert build["externalParameters"]["parameters"] == {"rate": 0.5, "seed": 7}
    data, code = build["resolvedDependencies"]
    assert data["annotations"]["producer"] == "run-1/preprocess"
    assert code["digest"].keys() == {"gitCommit"}
    details = statement["predicate"]["runDetails"]
    assert details["builder"]["id"] == "https://kfp-provenance.dev/builders/in-run/v1"
    assert details["metadata"]["invocationId"] == "run-1/train"
    assert details["metadata"]["startedOn"] == "2026-03-01T10:02:00Z"
    assert details["byproducts"][0]["digest"] == {"sha256": ENVIRONMENT.digest.hex}


def test_metrics_are_inside_the_evidence_under_their_own_digest() -> None:
    evaluate = tabular_run().reader.steps["run-1/evaluate"]
    metrics = stated(evaluate)["predicate"]["runDetails"]["byproducts"][1]
    content = base64.b64decode(metrics["content"])
    assert content == METRICS
    assert metrics["digest"] == {"sha256": hashlib.sha256(content).hexdigest()}
    assert parsed(evaluate) == evaluate


def test_sigstore_python_reads_it() -> None:
    from sigstore import dsse

    payload = make_statement(train_step())
    assert dsse.Statement(payload)._contents == payload


def test_the_bytes_are_canonical_json() -> None:
    payload = make_statement(train_step())
    assert payload == rfc8785.dumps(json.loads(payload))


name = st.text(string.ascii_letters + "_[]0123456789", min_size=1, max_size=12)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
digests = st.binary(max_size=4).map(digest)
artifacts = st.builds(
    Artifact,
    digest=digests,
    uri=text,
    kind=st.sampled_from([ArtifactKind.FILE, ArtifactKind.DIRECTORY]),
    size=st.integers(0, 2**62),
    type=name,
    version=text,
    metadata=text,
)
bare = artifacts.map(lambda a: replace(a, metadata=""))
inputs = st.one_of(
    st.builds(
        Input,
        name,
        st.integers(0, 3),
        bare,
        st.just(InputOrigin.STEP),
        name,
        name,
        st.integers(0, 3),
    ),
    st.builds(
        Input,
        name,
        st.integers(0, 3),
        bare,
        st.sampled_from([InputOrigin.IMPORTED, InputOrigin.SOURCE]),
    ),
)
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
steps = st.builds(
    lambda started, **fields: replace(
        train_step(), started=started, finished=started + timedelta(microseconds=5), **fields
    ),
    started=times,
    task=name,
    run=name,
    pipeline=text,
    pipeline_digest=text,
    namespace=text,
    attempt=st.integers(0, 9),
    runtime_version=text,
    code=st.none() | st.builds(CodeState, name, st.booleans(), text),
    results=st.lists(
        st.builds(Parameter, name, st.integers().map(str)), unique_by=lambda p: p.name
    ).map(lambda ps: tuple(sorted(ps, key=lambda p: p.name))),
    inputs=st.lists(
        inputs, max_size=4, unique_by=lambda i: (i.origin == "source", i.name, i.index)
    ).map(tuple),
    outputs=st.lists(
        st.builds(Output, name, st.integers(0, 3), artifacts),
        min_size=1,
        max_size=4,
        unique_by=lambda o: (o.name, o.index),
    ).map(tuple),
)


@given(steps)
def test_every_step_comes_back_as_it_was(step: Step) -> None:
    assert parsed(step) == step


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"outcome": Outcome.FAILED}, Code.CHAIN_STEP_FAILED),
        ({"outputs": ()}, Code.CHAIN_STEP_FAILED),
        (
            {"outputs": tuple(Output("o", i, artifact(b"x")) for i in range(1025))},
            Code.BUNDLE_TOO_LARGE,
        ),
        ({"task": "\ud800"}, Code.STATEMENT_MALFORMED),
    ],
)
def test_a_step_that_cannot_be_stated_is_refused(changes: dict[str, Any], code: Code) -> None:
    with pytest.raises(ChainError) as caught:
        make_statement(replace(train_step(), **changes))
    assert caught.value.code is code


def test_a_thousand_and_twenty_four_outputs_are_a_statement() -> None:
    outputs = tuple(Output("o", i, artifact(b"%d" % i)) for i in range(1024))
    assert parsed(replace(train_step(), outputs=outputs)).outputs == outputs


def summary_bytes() -> bytes:
    build = RunBuilder()
    make = build.step("make", inputs=[source(b"raw"), imported(b"x")], outputs={"out": b"out"})
    train = build.step("train", inputs=[read(make, "out")], outputs={"model": b"model"})
    recorded = tabular_run()
    chain = replace(recorded.chain(), steps=(make, train), reused_runs=("run-0",))
    references = [AttestationReference("make", digest(b"1"))]
    stored = StoredBytes(
        (StoredArtifact(digest(b"a"), "gs://a"),), (UnreadArtifact(digest(b"b"), "gs://b", "no"),)
    )
    return make_summary(chain, references, stored=stored, now=NOW)


def test_the_summary_comes_back_as_it_was() -> None:
    summary = parse_statement(summary_bytes())
    assert isinstance(summary, Summary)
    chain = tabular_run().chain()
    assert summary.subjects[0] == chain.subjects[0]
    assert summary.roots == chain.roots
    assert summary.reused_runs == ("run-0",)
    assert summary.time == NOW
    assert summary.levels == ("SLSA_BUILD_LEVEL_1",)
    assert summary.stored.unread[0].reason == "no"
    assert summary.attestations == (AttestationReference("make", digest(b"1")),)


def test_the_summary_names_the_policy_by_its_digest() -> None:
    policy = json.loads(summary_bytes())["predicate"]["policy"]
    assert policy["digest"]["sha256"] == hashlib.sha256(CHAIN_POLICY_TEXT.encode()).hexdigest()
    assert Digest(policy["digest"]["sha256"]) == CHAIN_POLICY_DIGEST


def test_the_model_reads_the_extension_under_its_identifier() -> None:
    assert SummaryPredicate.model_fields["chain"].alias == CHAIN_EXTENSION


def edit(payload: bytes, path: str, value: object) -> bytes:
    """Set one field of a statement; ``...`` removes it."""
    statement: Any = json.loads(payload)
    *parents, last = path.split("/")
    place = statement
    for key in parents:
        place = place[int(key) if isinstance(place, list) else key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(statement).encode()


BUILD = "predicate/buildDefinition"
HEX = "0" * 63 + "G"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("_type", "https://in-toto.io/Statement/v0.1"),
        ("predicateType", ...),
        ("predicateType", 7),
        ("extra", 1),
        ("subject", []),
        ("subject", [{"name": "model", "digest": {"sha256": "0" * 64}}] * 2),
        ("subject/0/digest", {"sha256": HEX}),
        ("subject/0/digest", {"sha256": "0" * 64, "md5": "x"}),
        ("subject/0/digest", {"sha1": "0" * 40}),
        ("subject/0/annotations/size", "1e3"),
        ("subject/0/annotations/size", 5),
        ("subject/0/annotations/size", "9" * 20),
        ("subject/0/annotations/index", "1"),
        ("subject/0/annotations/kind", "symlink"),
        ("subject/0/annotations", ...),
        (f"{BUILD}/externalParameters/extra", 1),
        (f"{BUILD}/externalParameters/parameters", {"a": {"text": 1}}),
        (f"{BUILD}/externalParameters/task", ""),
        (f"{BUILD}/internalParameters/attempt", "1"),
        (f"{BUILD}/internalParameters/attempt", 1.5),
        (f"{BUILD}/internalParameters/attempt", True),
        (f"{BUILD}/internalParameters/sourceDigest", "sha256:" + HEX),
        (f"{BUILD}/resolvedDependencies/0/annotations/role", "other"),
        (f"{BUILD}/resolvedDependencies/0/annotations/origin", "dream"),
        (f"{BUILD}/resolvedDependencies", [{"name": "x"}]),
        ("predicate/runDetails/metadata/startedOn", "2026-03-01T10:02:00"),
        ("predicate/runDetails/metadata/startedOn", "2026-13-01T10:02:00Z"),
        ("predicate/runDetails/metadata/startedOn", "2027-01-01T00:00:00Z"),
        ("predicate/runDetails/metadata/finishedOn", ...),
        ("predicate/runDetails/metadata/invocationId", ""),
    ],
)
def test_a_malformed_step_statement_is_refused(path: str, value: object) -> None:
    with pytest.raises(BundleError) as caught:
        parse_statement(edit(make_statement(train_step()), path, value))
    assert caught.value.code is Code.STATEMENT_MALFORMED


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("predicate/verificationResult", "MAYBE"),
        ("predicate/timeVerified", "yesterday"),
        (f"predicate/{CHAIN_EXTENSION.replace('/', '|')}", ...),
        ("predicate/inputAttestations", [{"name": "x"}]),
        ("subject/0/annotations/producer", ...),
    ],
)
def test_a_malformed_summary_is_refused(path: str, value: object) -> None:
    statement = json.loads(summary_bytes())
    *parents, last = (part.replace("|", "/") for part in path.split("/"))
    place = statement
    for key in parents:
        place = place[int(key) if isinstance(place, list) else key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    with pytest.raises(BundleError) as caught:
        parse_statement(json.dumps(statement).encode())
    assert caught.value.code is Code.STATEMENT_MALFORMED


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("predicateType", "https://slsa.dev/provenance/v0.2"),
        (f"{BUILD}/buildType", "https://example.com/other"),
    ],
)
def test_an_unknown_type_is_said_to_be_unknown(path: str, value: str) -> None:
    with pytest.raises(BundleError) as caught:
        parse_statement(edit(make_statement(train_step()), path, value))
    assert caught.value.code is Code.PREDICATE_UNKNOWN


def test_content_that_is_not_what_its_digest_says_is_refused() -> None:
    evaluate = tabular_run().reader.steps["run-1/evaluate"]
    forged = base64.b64encode(b'{"accuracy":"1.00"}').decode()
    with pytest.raises(BundleError) as caught:
        parse_statement(
            edit(make_statement(evaluate), "predicate/runDetails/byproducts/1/content", forged)
        )
    assert caught.value.code is Code.STATEMENT_MALFORMED


def test_fields_that_judge_nothing_may_be_added_later() -> None:
    later = edit(make_statement(train_step()), "predicate/runDetails/metadata/later", 1)
    assert isinstance(parse_statement(later), StepStatement)
