"""A step as one line of JSON, on its way from the task to the recorder process.

Written out by hand: a library that derives it takes longer to load than the recorder to
write a step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError, TaskError
from kfp_provenance.facts import (
    Artifact,
    ArtifactKind,
    CodeState,
    ComponentReference,
    Digest,
    Input,
    InputOrigin,
    Outcome,
    Output,
    Parameter,
    Step,
    StepFailure,
)

# Any: fields of JSON; the constructors and the store check them
Fields = Mapping[str, Any]


def encode_step(step: Step) -> str:
    """``step`` as JSON without a line feed."""
    return json.dumps(asdict(step), default=_plain, separators=(",", ":"))


def decode_step(line: str) -> Step:
    """Read what :func:`encode_step` wrote.

    Raises:
        TaskError: RECORD_NOT_WRITTEN if it is anything else.
    """
    try:
        return _step(json.loads(line))
    except (ValueError, TypeError, KeyError, AttributeError, ArtifactError) as error:
        raise TaskError(
            Code.RECORD_NOT_WRITTEN,
            f"the step record is not valid: {type(error).__name__}",
            where="recorder process",
            found=line[:200],
            remedy="report this as a defect of kfp-provenance",
        ) from error


def _step(raw: Fields) -> Step:
    component, code, failure = raw["component"], raw["code"], raw["failure"]
    own: Fields = {
        "component": ComponentReference(
            **{**component, "source_digest": _digest(component["source_digest"])}
        ),
        "environment": _digest(raw["environment"]),
        "started": datetime.fromisoformat(raw["started"]),
        "finished": datetime.fromisoformat(raw["finished"]),
        "outcome": Outcome(raw["outcome"]),
        "code": None if code is None else CodeState(**code),
        "parameters": tuple(Parameter(**item) for item in raw["parameters"]),
        "results": tuple(Parameter(**item) for item in raw["results"]),
        "inputs": tuple(map(_input, raw["inputs"])),
        "outputs": tuple(
            Output(**{**item, "artifact": _artifact(item["artifact"])}) for item in raw["outputs"]
        ),
        "failure": None if failure is None else StepFailure(**failure),
    }
    return Step(**{**raw, **own})


def _input(raw: Fields) -> Input:
    own: Fields = {"artifact": _artifact(raw["artifact"]), "origin": InputOrigin(raw["origin"])}
    return Input(**{**raw, **own})


def _artifact(raw: Fields) -> Artifact:
    own: Fields = {"digest": _digest(raw["digest"]), "kind": ArtifactKind(raw["kind"])}
    return Artifact(**{**raw, **own})


def _digest(raw: Fields) -> Digest:
    return Digest(**raw)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not part of a step record")
