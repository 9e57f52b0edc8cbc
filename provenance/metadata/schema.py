"""Names and limits of the rows in MLMD; documented in docs/reference/metadata-schema.md.

Every property is a string: MLMD cuts doubles to six decimals, and its MySQL backend
refuses integers from 2^31. ``schema`` of a step says by which version of this page it
was written; a reader refuses one that it does not know instead of guessing.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Final

SCHEMA: Final = "1"

STEP_TYPE: Final = "kprov.Step"
ARTIFACT_TYPE: Final = "kprov.Artifact"
RUN_TYPE: Final = "kprov.Run"
PIPELINE_TYPE: Final = "kprov.Pipeline"
ENVIRONMENT_TYPE: Final = "kprov.Environment"

STEP_PROPERTIES: Final = (
    "schema",
    "id",
    "run",
    "task",
    "pipeline",
    "pipeline_digest",
    "namespace",
    "attempt",
    "component",
    "component_version",
    "source_digest",
    "image",
    "commit",
    "dirty",
    "repository",
    "environment",
    "parameters",
    "results",
    "started",
    "finished",
    "outcome",
    "failure_type",
    "failure_message",
    "runtime_version",
)
ARTIFACT_PROPERTIES: Final = ("digest", "kind", "size", "type", "version", "metadata")
ATTESTATION: Final = "attestation"
"""Custom property of a step: the Sigstore bundle that its own task signed, one line."""
ATTESTATION_LIMIT: Final = 4 * 1024 * 1024
CONTEXT_PROPERTIES: Final = {
    RUN_TYPE: ("id",),
    PIPELINE_TYPE: ("id",),
    ENVIRONMENT_TYPE: ("id", "python", "packages"),
}

VALUE_LIMIT: Final = 1024 * 1024
"""Bytes of one property. Values of 20 MiB wedge MLMD's MySQL connection."""
TEXT_LIMIT: Final = 65_535
"""Bytes of a URI and of a step in an event's path: a TEXT column of MySQL."""

# Lower case, no blank at the end: MySQL's comparison by collation is exact on these.
_PLAIN = re.compile(r"[a-z0-9]+(?:[a-z0-9._/:-]*[a-z0-9])?")
_PLAIN_LIMIT = 200


def index_name(text: str) -> str:
    """Name of a node that stands for ``text`` in a unique column of 255 characters.

    MySQL compares such columns without regard to case, accents and trailing blanks.
    Text that could be confused, or is too long, is replaced by its SHA-256; the
    text itself is in the node's property ``id``.
    """
    if len(text) <= _PLAIN_LIMIT and _PLAIN.fullmatch(text):
        return text
    return f"~{hashlib.sha256(text.encode('utf-8')).hexdigest()}"


OUTPUT_PREFIX: Final = "kprov/output/"
"""External ids of rows that are written in one with the event that says who wrote them."""


def external_id(kind: str, *parts: str) -> str:
    """Identity of an artifact's row, unique over the whole table of all types."""
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return f"kprov/{kind}/{hashlib.sha256(text.encode('utf-8')).hexdigest()}"
