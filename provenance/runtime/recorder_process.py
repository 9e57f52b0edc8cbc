"""What the recorder process does: opens the store, says so, writes one step, ends.

Each message is one line of JSON. It first writes ``{"environment": "sha256:..."}`` or an
error, then reads a step, then writes ``{}`` or an error.
"""

from __future__ import annotations

import json
import os
from typing import BinaryIO

from kfp_provenance.errors import ProvenanceError
from kfp_provenance.metadata import open_recorder
from kfp_provenance.runtime.environment import current_environment
from kfp_provenance.runtime.step_message import decode_step

_LIMIT = 32 * 1024 * 1024


def serve(store: str, requests: int, answers: int) -> int:
    """Serve one step.

    Args:
        store: Store URI.
        requests: Descriptor that the task writes to.
        answers: Descriptor that the task reads from.

    Returns:
        Exit code of the process.
    """
    with os.fdopen(requests, "rb") as incoming, os.fdopen(answers, "wb") as outgoing:
        try:
            environment = current_environment()
            recorder = open_recorder(store)
            _answer(outgoing, {"environment": str(environment.digest)})
            line = incoming.readline(_LIMIT)
            if line:  # else the task ended without a record: its own error says why
                recorder.record(decode_step(line.decode("utf-8")), environment)
                _answer(outgoing, {})
            recorder.close()
        except ProvenanceError as error:
            _answer(outgoing, error.to_json())
            return 1
    return 0


def _answer(outgoing: BinaryIO, message: dict[str, str]) -> None:
    outgoing.write(json.dumps(message).encode() + b"\n")
    outgoing.flush()
