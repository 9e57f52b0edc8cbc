"""A storage initializer for KServe that loads verified models and nothing else."""

from __future__ import annotations

from kfp_provenance.gate.loading.downloads import Limits
from kfp_provenance.gate.loading.load import Loaded, Rules, emptied_targets, load_models
from kfp_provenance.gate.loading.request import Claims, ModelRequest, parse_request, parse_targets
from kfp_provenance.gate.loading.termination import (
    refusal_message,
    success_message,
    write_message,
)

__all__ = [
    "Claims",
    "Limits",
    "Loaded",
    "ModelRequest",
    "Rules",
    "emptied_targets",
    "load_models",
    "parse_request",
    "parse_targets",
    "refusal_message",
    "success_message",
    "write_message",
]
