"""The termination message: how an init container tells the API why it ended.

It is the one thing of it that ``kubectl describe pod`` shows, and KServe has no better way
(kserve#3823): one line of JSON, at most 4096 bytes, in the file that the kubelet mounts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from kfp_provenance.errors import ProvenanceError
from kfp_provenance.facts import Finding
from kfp_provenance.gate.loading.load import Loaded

LIMIT = 4096
"""Bytes that the kubelet takes."""
_DEFAULT = "/dev/termination-log"
_WIDTHS = (600, 200, 60, 0)


def refusal_message(error: ProvenanceError) -> str:
    """Why nothing was loaded: the reason, and as many of its findings as there is room for."""
    findings: Sequence[Finding] = getattr(error, "findings", ())
    for width in _WIDTHS:
        reason = {name: _cut(value, width) for name, value in error.to_json().items()}
        others = [
            {name: _cut(str(value), width) for name, value in asdict(finding).items() if value}
            for finding in findings[1:]
        ]
        while True:
            left_out = len(findings) - 1 - len(others) if findings else 0
            message: dict[str, object] = {"decision": "refused", **reason}
            if others:
                message["findings"] = others
            if left_out:
                message["more_findings"] = left_out
            text = _line(message)
            if len(text.encode()) <= LIMIT:
                return text
            if not others:
                break
            others.pop()
    return _line({"decision": "refused", "code": str(error.code)})


def success_message(loaded: Sequence[Loaded]) -> str:
    """What was loaded; without the URIs where there is no room for them."""
    models = [
        {
            "uri": model.uri,
            "path": str(model.target),
            "digest": str(model.content.digest),
            "bundle": str(model.vouched.bundle_digest),
        }
        for model in loaded
    ]
    text = _line({"decision": "allowed", "models": models})
    if len(text.encode()) > LIMIT:
        text = _line({"decision": "allowed", "digests": [model["digest"] for model in models][:50]})
    return text


def write_message(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """Write the message where the kubelet reads it.

    Returns:
        Why it could not be written; empty if it was, or if there is no kubelet.
    """
    named = environ.get("KPROV_TERMINATION_LOG", "")
    flags = os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(named or _DEFAULT, flags | (os.O_CREAT if named else 0), 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode()[:LIMIT])
    except OSError as error:
        if not named and isinstance(error, FileNotFoundError):
            return ""
        return f"the termination message cannot be written: {error.strerror}"
    return ""


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[:width]}..." if width else ""


def _line(message: Mapping[str, object]) -> str:
    return json.dumps(message, separators=(",", ":"))
