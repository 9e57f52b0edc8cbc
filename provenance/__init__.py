"""Kubeflow Pipelines components with provenance.

``kfp_provenance.component`` is a drop-in for ``kfp.dsl.component``: the task that it
makes hashes its inputs and outputs and records the step in ML Metadata.

Attributes are loaded when they are first used, so that ``import kfp_provenance`` and
the start of a tracked task stay fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kfp_provenance.analysis import Lineage as Lineage
    from kfp_provenance.authoring import Tracking as Tracking
    from kfp_provenance.authoring import compile_pipeline as compile_pipeline
    from kfp_provenance.authoring import component as component
    from kfp_provenance.errors import ProvenanceError as ProvenanceError
    from kfp_provenance.runtime.context import current_task as current_task
    from kfp_provenance.runtime.context import declare_source as declare_source

_EXPORTS = {
    "Lineage": "kfp_provenance.analysis",
    "Tracking": "kfp_provenance.authoring",
    "compile_pipeline": "kfp_provenance.authoring",
    "component": "kfp_provenance.authoring",
    "ProvenanceError": "kfp_provenance.errors",
    "current_task": "kfp_provenance.runtime.context",
    "declare_source": "kfp_provenance.runtime.context",
}

__all__ = [  # noqa: PLE0604 - the names are the keys of the table above
    *_EXPORTS,
]


def __getattr__(name: str) -> object:
    module = _EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(module), name)
