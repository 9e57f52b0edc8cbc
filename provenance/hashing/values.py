"""The identity of an artifact without bytes: its metadata."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError
from kfp_provenance.facts import ArtifactKind, Digest
from kfp_provenance.hashing.content import Content

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"

_OWN_PREFIX = "kprov_"
_ADDED_BY_KFP = frozenset({"display_name", "store_session_info", "_kfp_workspace"})
_DECIMALS = 6  # MLMD writes numbers into its SQL with std::to_string
_SIGNIFICANT = 12  # SQLite reads them back as text, exact to about 15 digits
_DEPTH = 64


def hash_values(metadata: Mapping[str, JSON]) -> tuple[Content, str]:
    """Hash the metadata of an artifact, as its consumers will see it.

    KFP hands metadata on through a protobuf ``Struct`` and, in a cluster, through its own
    ML Metadata (``StructValueToMLMDValue`` in backend/src/v2/metadata of kubeflow/pipelines).
    There is one kind of number left then, a double that MLMD keeps to six decimals and about
    15 digits, of which 12 count; booleans are 1 and 0; lists and objects are
    ``{"list": [...]}`` and ``{"struct": {...}}``.
    So 2, 2.0 and 2.0000001 are one value, and so are 1 and true.

    Args:
        metadata: JSON. Keys of this package (``kprov_...``) and those that KFP adds on the
            way (``display_name``, ``store_session_info``, ``_kfp_workspace``) do not count.

    Returns:
        The content, of kind VALUES, and the canonical JSON (RFC 8785) that was hashed.

    Raises:
        ArtifactError: ARTIFACT_VALUES_INVALID for what JSON or a double cannot hold.
    """
    from rfc8785 import CanonicalizationError, dumps  # noqa: PLC0415 - not every task needs it

    kept = {
        key: _as_received(_unwrapped(value), f"metadata[{key!r}]")
        for key, value in metadata.items()
        if key not in _ADDED_BY_KFP and not str(key).startswith(_OWN_PREFIX)
    }
    try:
        text = dumps(kept)
    except (CanonicalizationError, UnicodeEncodeError) as error:
        raise _invalid("metadata", f"it is not JSON ({type(error).__name__})") from error
    digest = Digest.of(text)
    return Content(digest, ArtifactKind.VALUES, len(text), 0), text.decode()


def _unwrapped(value: JSON) -> JSON:
    """A list or an object without the wrapper that KFP's launcher puts around it.

    All wrappers go, also one that the task itself wrote: the two cannot be told apart.
    """
    while isinstance(value, Mapping) and len(value) == 1:
        ((key, inner),) = value.items()
        is_list = key == "list" and isinstance(inner, list | tuple)
        if not is_list and not (key == "struct" and isinstance(inner, Mapping)):
            break
        value = inner
    return value


def _as_received(value: JSON, where: str, depth: int = 0) -> JSON:
    """``value`` with every number and boolean as the double that arrives."""
    if depth > _DEPTH:
        raise _invalid(where, f"it is nested more than {_DEPTH} levels deep")
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return _as_double(value, where)
    if isinstance(value, Mapping):
        return {
            key: _as_received(item, f"{where}[{key!r}]", depth + 1) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_as_received(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    raise _invalid(where, f"a {type(value).__name__} is not JSON")


def _as_double(value: float, where: str) -> float:
    try:
        double = float(value)
    except OverflowError as error:
        raise _invalid(where, "the number is too large for a double") from error
    if not math.isfinite(double):
        raise _invalid(where, f"{double} is not a JSON number")
    rounded = float(f"{float(f'{double:.{_DECIMALS}f}'):.{_SIGNIFICANT}g}")
    return rounded if math.isfinite(rounded) else double  # beside the largest double of all


def _invalid(where: str, what: str) -> ArtifactError:
    return ArtifactError(
        Code.ARTIFACT_VALUES_INVALID,
        f"the metadata of an artifact cannot be hashed: {what}",
        where=where[:200],
        expected="JSON with finite numbers",
        remedy="leave the value out, or write it as a string",
    )
