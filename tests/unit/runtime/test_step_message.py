"""A step survives its way to the recorder process."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings

from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError
from kfp_provenance.facts import Step
from kfp_provenance.runtime.step_message import decode_step, encode_step
from support.steps import any_step, step


@given(any_step())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_round_trip(one: Step) -> None:
    line = encode_step(one)
    assert "\n" not in line
    assert decode_step(line) == one


@pytest.mark.parametrize("line", ["", "{}", "[]", "3", "null", "{", '"text"'])
def test_anything_else_is_one_clear_error(line: str) -> None:
    with pytest.raises(TaskError) as caught:
        decode_step(line)
    assert caught.value.code is Code.RECORD_NOT_WRITTEN


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("outcome", "PERHAPS"),
        ("started", "yesterday"),
        ("environment", {"hex": "0"}),
        ("component", None),
        ("inputs", [{"name": "x"}]),
        ("outputs", {}),
        ("unknown", 1),
    ],
)
def test_damaged_fields_are_refused(field: str, value: object) -> None:
    fields = json.loads(encode_step(step()))
    if field == "outputs":
        value = [{**fields["outputs"][0], "artifact": {}}]
    with pytest.raises(TaskError):
        decode_step(json.dumps({**fields, field: value}))
