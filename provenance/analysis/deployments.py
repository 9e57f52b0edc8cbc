"""Which deployments serve which model, from what Kubernetes says of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kfp_provenance.codes import Code
from kfp_provenance.errors import DataError
from kfp_provenance.lineage.views import Impact

_LIMIT: Final = 256 * 1024 * 1024
_DEPTH: Final = 64
_CONTENT = re.compile(r"sha256[-:]([0-9a-f]{64})")
_PLACES: Final = ("storageUri", "modelUri", "uri")


@dataclass(frozen=True)
class Deployment:
    """An object of a cluster that names a model.

    Attributes:
        kind: For example ``InferenceService``.
        namespace: Its namespace.
        name: Its name.
        uris: The models that it names.
    """

    kind: str
    namespace: str
    name: str
    uris: tuple[str, ...]

    @property
    def label(self) -> str:
        """For tables."""
        return f"{self.kind} {self.namespace}/{self.name}"


def read_deployments(path: Path) -> tuple[Deployment, ...]:
    """Read what ``kubectl get inferenceservices -A -o json`` printed.

    Any object that names a model by ``storageUri``, ``modelUri`` or ``storage.uri`` counts,
    also in a list.

    Raises:
        DataError: DATA_UNREADABLE.
    """
    try:
        if path.stat().st_size > _LIMIT:
            raise ValueError(f"larger than {_LIMIT} bytes")
        value = json.loads(path.read_bytes())
        objects = value.get("items", [value])
        if not isinstance(objects, list):
            raise TypeError("items")
        return tuple(found for item in objects if (found := _deployment(item)).uris)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            Code.DATA_UNREADABLE,
            "this is not a list of Kubernetes objects in JSON",
            where=str(path),
            found=getattr(error, "strerror", None) or type(error).__name__,
            remedy="kubectl get inferenceservices --all-namespaces --output json > FILE",
        ) from error


def deployed(found: Impact, deployments: Sequence[Deployment]) -> dict[str, list[Deployment]]:
    """Deployments by the key of the model that they serve.

    A published model has its digest in its URI; else the URI must be one that is recorded.
    """
    by_uri = {uri.rstrip("/"): node.key for node in found.models for uri in node.uris}
    by_uri |= {name.model_uri.rstrip("/"): str(name.model) for name in found.published}
    keys = {node.key for node in found.models}
    served: dict[str, list[Deployment]] = {}
    for deployment in deployments:
        for uri in deployment.uris:
            match = _CONTENT.search(uri)
            key = f"sha256:{match[1]}" if match else by_uri.get(uri.rstrip("/"), "")
            if key in keys:
                served.setdefault(key, []).append(deployment)
    return served


def _deployment(item: Mapping[str, object]) -> Deployment:
    metadata = item["metadata"]
    if not isinstance(metadata, dict):
        raise TypeError("metadata")
    return Deployment(
        kind=str(item.get("kind", "")),
        namespace=str(metadata.get("namespace", "")),
        name=str(metadata.get("name", "")),
        uris=tuple(dict.fromkeys(_uris(item.get("spec"), 0))),
    )


def _uris(value: object, depth: int) -> Iterator[str]:
    if depth > _DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in _PLACES and isinstance(inner, str):
                yield inner
            else:
                yield from _uris(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _uris(inner, depth + 1)
