"""Decisions are found by what they say, and exported as others read them."""

from __future__ import annotations

import csv
import io
import json
import logging
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from kfp_provenance.audit import (
    DecisionFilter,
    JudgedModel,
    Outcome,
    Place,
    RecordedDecision,
    Requester,
    Target,
    find_decisions,
    read_records,
    render_record,
)
from kfp_provenance.audit.export import OCSF_VERSION, cloud_event, decision_json, ocsf_event
from kfp_provenance.codes import Code
from support.audit import BUNDLE, MODEL, NOON, Gate, edited, gate, record, records_file
from support.command_line import CommandLine, kprov

__all__ = ["kprov"]

_ALLOWED = record(
    5,
    place=Place.LOAD,
    outcome=Outcome.ALLOWED,
    findings=(),
    target=Target("Pod", "other", "server"),
    requester=Requester("=cmd()"),
    models=(JudgedModel("gs://models/fraud", "fraud"),),
    opa_decision_ids=(),
)


@pytest.fixture
def made(tmp_path: Path) -> Gate:
    made = gate(tmp_path)
    with made.open() as trail:
        for number in range(3):
            trail.append(record(number))
        trail.append(_ALLOWED)
    return made


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (DecisionFilter(), 4),
        (DecisionFilter(model="credit"), 3),
        (DecisionFilter(model="gs://models/fraud"), 1),
        (DecisionFilter(digest=str(MODEL)), 3),
        (DecisionFilter(digest=str(BUNDLE)), 3),
        (DecisionFilter(digest=f"sha256:{'c' * 64}"), 4),
        (DecisionFilter(namespace="other"), 1),
        (DecisionFilter(name="model-1"), 1),
        (DecisionFilter(since=NOON + timedelta(seconds=1)), 3),
        (DecisionFilter(until=NOON + timedelta(seconds=1)), 1),
        (DecisionFilter(outcome=Outcome.ALLOWED), 1),
        (DecisionFilter(place=Place.ADMISSION), 3),
        (DecisionFilter(code="DIGEST_REVOKED"), 3),
        (DecisionFilter(code="USAGE"), 0),
        (DecisionFilter(user="=cmd()"), 1),
        (DecisionFilter(id="20260101T000000Z-gate-0-0123456789abcdef/1"), 0),
    ],
)
def test_filters(made: Gate, wanted: DecisionFilter, found: int) -> None:
    assert len(list(read_records(str(made.folder), wanted))) == found


def test_the_newest_decisions_about_an_object(made: Gate) -> None:
    with made.open("gate-1") as trail:
        for number in range(30):
            one = replace(record(number), target=Target("InferenceService", "ml", "model-1"))
            trail.append(one)
    found = find_decisions(str(made.folder), namespace="ml", name="model-1", newest=3)
    assert [one.record.request_id for one in found] == ["request-29", "request-28", "request-27"]
    assert find_decisions(str(made.folder), namespace="ml", name="nobody") == []


def test_a_damaged_line_is_left_out_and_told(made: Gate, caplog: pytest.LogCaptureFixture) -> None:
    with edited(records_file(made.chains()[0])) as lines:
        lines[3] = b"junk\n"
    with caplog.at_level(logging.WARNING):
        assert len(list(read_records(str(made.folder)))) == 3
    assert "cannot be read" in caplog.text


def test_a_decision_for_people_says_why_and_is_printable(made: Gate) -> None:
    first = next(iter(read_records(str(made.folder))))
    text = render_record(first)
    for expected in ("REFUSED", "ml/model-0", "DIGEST_REVOKED", "train again", str(MODEL), "opa-0"):
        assert expected in text
    evil = replace(first, record=replace(first.record, requester=Requester("\x1b[2J")))
    assert "\x1b" not in render_record(evil)


def _decisions(made: Gate) -> list[RecordedDecision]:
    told = replace(_ALLOWED, outcome=Outcome.REFUSED, enforced=False)
    read = list(read_records(str(made.folder)))
    return [*read, replace(read[-1], record=told)]


def test_ocsf_events_are_valid_by_the_schema_itself(made: Gate) -> None:
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

    schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=OCSF_VERSION))
    name = schemas.lookup_class_name_from_uid(6003)
    schema = schemas.get_class_schema(class_name=name, profiles=["security_control"])
    validator = Draft202012Validator(schema)
    events = [ocsf_event(decision) for decision in _decisions(made)]
    for event in events:
        assert [error.message for error in validator.iter_errors(event)] == []
    assert [event["action_id"] for event in events] == [2, 2, 2, 1, 1]
    assert events[0]["unmapped"]["opa_decision_ids"] == ["opa-0"]  # type: ignore[index,call-overload]
    assert list(validator.iter_errors({**events[0], "class_uid": 1}))  # the schema can refuse


def test_cloud_events_are_read_by_the_sdk(made: Gate) -> None:
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent

    for decision in _decisions(made):
        data = json.dumps(cloud_event(decision)).encode()
        event = JSONFormat().read(CloudEvent, data)
        assert event.get_id() == decision.id
        assert event.get_time() == decision.record.time
        assert event.get_data() == decision_json(decision)


def test_the_commands(made: Gate, kprov: CommandLine, tmp_path: Path) -> None:
    trail = made.folder
    said = kprov.succeed("audit", "verify", trail, "--key", made.public, "--keep", tmp_path / "c")
    assert "PASSED" in said.output
    assert "4 decisions in 1 chains, 0 not covered yet" in said.output
    assert "model-1" in kprov.succeed("audit", "query", trail, "--name", "model-1").output
    found = kprov.succeed("audit", "query", trail, "--code", "DIGEST_REVOKED", "--json").json
    assert [one["decision"]["request_id"] for one in found] == [f"request-{n}" for n in range(3)]
    table = kprov.succeed("audit", "query", trail, "--format", "csv").output
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["user"] for row in rows][-1] == "'=cmd()"  # no formula
    one = kprov.succeed("audit", "query", trail, "--id", rows[0]["id"], "--format", "text")
    assert one.output.count("REFUSED") == 1
    for form in ("jsonl", "ocsf", "cloudevents"):
        lines = kprov.succeed("audit", "export", trail, "--format", form).output.splitlines()
        assert len([json.loads(line) for line in lines]) == 4
    limited = kprov.succeed("audit", "query", trail, "--limit", "1")
    assert "there are more" in limited.errors


def test_exit_codes(made: Gate, kprov: CommandLine, tmp_path: Path) -> None:
    verify = ("audit", "verify", made.folder)
    assert kprov(*verify).exit_code == 2
    assert kprov("audit", "verify", tmp_path / "none", "--key", made.public).exit_code == 2
    assert kprov("audit", "query", made.folder, "--outcome", "perhaps").exit_code == 2
    assert kprov(*verify, "--key", made.public, "--expect", made.public).exit_code == 1
    kprov.succeed(*verify, "--unsigned")
    kept = tmp_path / "kept"
    kprov.succeed(*verify, "--key", made.public, "--keep", kept)
    kprov.succeed(*verify, "--key", made.public, "--expect", kept)
    # what was kept is evidence: it is replaced only where it was compared with
    assert kprov(*verify, "--key", made.public, "--keep", kept).exit_code == 2
    kprov.succeed(*verify, "--key", made.public, "--expect", kept, "--keep", kept)
    assert kprov(*verify, "--unsigned", "--key", made.public).exit_code == 2
    with edited(records_file(made.chains()[0])) as lines:
        del lines[3]
    refused = kprov(*verify, "--key", made.public, "--json")
    assert refused.exit_code == 1
    assert refused.codes == {str(Code.AUDIT_RECORD_DROPPED)}
    assert "AUDIT_RECORD_DROPPED" in kprov(*verify, "--key", made.public).output
