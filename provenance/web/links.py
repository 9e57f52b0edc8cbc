"""Where things are on the page, and which texts of a store may become links."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

from kfp_provenance.facts import Digest
from kfp_provenance.metadata.graph import ArtifactRow

_SAFE = ":"
"""A digest and a key stay readable in an address: ``/artifacts/sha256:...``."""
_MODELS = frozenset({"system.Model", "Model"})
"""Schema title of KFP, and MLMD's own type for models of other tools."""


def is_model(type_title: str) -> bool:
    """Whether a verdict belongs beside it."""
    return type_title in _MODELS


def run_link(run: str) -> str:
    """Page of a run; its id may hold anything, a slash too."""
    return f"/runs/{quote(run, safe=_SAFE)}"


def step_link(row: int | str) -> str:
    """Page of a step, by its row or its key ``step:<row>``."""
    return f"/steps/{str(row).removeprefix('step:')}"


def artifact_link(key: str, type_title: str = "") -> str:
    """Page of a content: a digest, or ``artifact:<row>``."""
    folder = "models" if is_model(type_title) and key.startswith("sha256:") else "artifacts"
    return f"/{folder}/{quote(key, safe=_SAFE)}"


def row_link(row: ArtifactRow) -> str:
    """Page of the content of a row."""
    return artifact_link(row.key, row.type)


def diff_link(before: Digest | str, after: Digest | str) -> str:
    """Page that compares two models."""
    return f"/diff?{urlencode({'before': str(before), 'after': str(after)})}"


def query_link(path: str, **values: object) -> str:
    """``path`` with the values that are not empty."""
    given = {name: str(value) for name, value in values.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def outside_link(uri: str) -> str:
    """The URI if a browser may follow it, else nothing: ``javascript:`` is never a link.

    Only plain http and https with a host; a store is written by others.
    """
    if any(character.isspace() or not character.isprintable() for character in uri):
        return ""
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return ""
    return uri
