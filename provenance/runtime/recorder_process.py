"""The recorder process: opens the store, says so, writes one step, ends.

Each message is one line of JSON. It first writes ``{"environment": "sha256:..."}`` or an
error, then reads a step, then writes ``{}`` or an error.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TextIO

from pydantic import TypeAdapter, ValidationError

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError, TaskError
from kfp_provenance.facts import Step
from kfp_provenance.metadata import open_recorder
from kfp_provenance.runtime.environment import current_environment

_LIMIT = 32 * 1024 * 1024


def main(arguments: list[str]) -> int:
    """Serve one step; returns the exit code."""
    # answers have a descriptor of their own: a library that prints must not be taken for one
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        environment = current_environment()
        recorder = open_recorder(arguments[0])
        _answer(answers, {"environment": str(environment.digest)})
        step = _read_step()
        if step is not None:
            recorder.record(step, environment)
            _answer(answers, {})
        recorder.close()
    except ProvenanceError as error:
        _answer(answers, error.to_json())
        return 1
    return 0


def _answer(answers: TextIO, message: dict[str, str]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def _read_step() -> Step | None:
    line = sys.stdin.readline(_LIMIT)
    if not line:
        return None  # the task ended without a record: its own error says why
    try:
        return TypeAdapter(Step).validate_json(line)
    except ValidationError as error:
        raise TaskError(
            Code.RECORD_NOT_WRITTEN,
            f"the step record is not valid: {error.error_count()} errors",
            where=", ".join(".".join(map(str, item["loc"])) for item in error.errors()[:3]),
            remedy="report this as a defect of kfp-provenance",
        ) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
