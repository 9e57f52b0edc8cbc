"""What the recorder process does: opens the store, says so, writes one step, ends.

It reads the URIs of store and signer, writes ``{"environment": "sha256:..."}`` or an error,
reads a step, and writes ``{}`` or an error. Each is one line of JSON.

A task that signs its own step does it here, out of reach of the user's code.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from types import ModuleType
from typing import Any, BinaryIO

from kfp_provenance.errors import ProvenanceError
from kfp_provenance.facts import Environment, Outcome, Step
from kfp_provenance.metadata import Attest, open_recorder
from kfp_provenance.runtime.environment import current_environment
from kfp_provenance.runtime.step_message import decode_step

_LIMIT = 32 * 1024 * 1024


def serve(requests: int, answers: int) -> int:
    """Serve one step.

    Args:
        requests: Descriptor that the task writes to.
        answers: Descriptor that the task reads from.

    Returns:
        Exit code of the process.
    """
    with os.fdopen(requests, "rb") as incoming, os.fdopen(answers, "wb") as outgoing:
        try:
            _load_mlmd()
            environment = current_environment()
            told = incoming.readline(_LIMIT)
            if not told:
                return 0  # the task ended before it knew a store: its own error says why
            uris = json.loads(told)
            recorder = open_recorder(uris["store"])
            attest = _attest(uris["signer"], environment)
            _answer(outgoing, {"environment": str(environment.digest)})
            line = incoming.readline(_LIMIT)
            if line:  # else the task ended without a record, and says why
                recorder.record(decode_step(line.decode("utf-8")), environment, attest)
                _answer(outgoing, {})
            recorder.close()
        except ProvenanceError as error:
            _answer(outgoing, error.to_json())
            return 1
    return 0


def _attest(signer: str, environment: Environment) -> Attest | None:
    """What signs the step; opened before user code runs, so that no work is done in vain."""
    if not signer:
        return None
    from kfp_provenance.attest.identifiers import PAYLOAD_TYPE, STEP_BUILDER  # noqa: PLC0415
    from kfp_provenance.attest.statement import make_statement  # noqa: PLC0415
    from kfp_provenance.signing import open_signer  # noqa: PLC0415 - for a task that signs

    opened = open_signer(signer)

    def attest(step: Step) -> bytes | None:
        if step.outcome is not Outcome.SUCCEEDED or not step.outputs:
            return None
        return opened.sign(make_statement(step, environment, STEP_BUILDER), PAYLOAD_TYPE)

    return attest


class _Later(ModuleType):
    """A module that is loaded when it is first used, which may be never."""

    # Any: whatever the module has
    def __getattr__(self, name: str) -> Any:
        del sys.modules[self.__name__]
        loaded = importlib.import_module(self.__name__)
        self.__dict__.update(loaded.__dict__)
        return getattr(loaded, name)


def _load_mlmd() -> None:
    """Load MLMD while the task finds out its store; without gRPC, a third of it, if unused."""
    sys.modules.setdefault("grpc", _Later("grpc"))
    try:
        importlib.import_module("kfp_provenance.metadata.mlmd_recorder")
    except ProvenanceError:
        return  # not installed: whoever needs it for the store will say so


def _answer(outgoing: BinaryIO, message: dict[str, str]) -> None:
    outgoing.write(json.dumps(message).encode() + b"\n")
    outgoing.flush()
