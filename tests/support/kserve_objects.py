"""KServe objects for tests, as people write them."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def served(kind: str, spec: Document, version: str = "v1alpha1", **metadata: Any) -> Document:
    """An object of a KServe kind."""
    return {
        "apiVersion": f"serving.kserve.io/{version}",
        "kind": kind,
        "metadata": {"name": "churn", "namespace": "shop"} | metadata,
        "spec": spec,
    }


def inference_service(uri: str, **metadata: Any) -> Document:
    """An InferenceService with one predictor."""
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": uri}
    spec = {"predictor": {"minReplicas": 1, "model": model}}
    return served("InferenceService", spec, "v1beta1", **metadata)
