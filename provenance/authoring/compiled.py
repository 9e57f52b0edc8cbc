"""A compiled pipeline, from its file or from its source, and what its tasks are tracked as."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfp_provenance.authoring.command import tracking_of
from kfp_provenance.authoring.compiling import compile_pipeline, load_documents
from kfp_provenance.authoring.loading import load_pipeline
from kfp_provenance.tracking import TaskTracking

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Specification:
    """What KFP gets to run.

    Attributes:
        document: The specification, without that of the platform.
        tracked: Trackings of the executors that have one, by their labels.
    """

    document: Mapping[str, Any]
    tracked: Mapping[str, TaskTracking]


def read_specification(reference: str) -> Specification:
    """Read ``FILE.yaml``, or compile what :func:`~.loading.load_pipeline` takes.

    Raises:
        AuthoringError: PIPELINE_INVALID if there is no such pipeline, or it cannot be compiled.
    """
    if reference.endswith(_SUFFIXES):
        document = load_documents(Path(reference))[0]
    else:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pipeline.yaml"
            compile_pipeline(load_pipeline(reference), file)
            document = load_documents(file)[0]
    return Specification(document, _trackings(document))


def _trackings(document: Mapping[str, Any]) -> dict[str, TaskTracking]:
    executors = document.get("deploymentSpec", {}).get("executors", {})
    found = {
        label: tracking_of(executor.get("container", {}).get("command", []))
        for label, executor in executors.items()
    }
    return {label: tracking for label, tracking in found.items() if tracking is not None}
