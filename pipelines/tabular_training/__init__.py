"""From a raw table to a signed and published model."""

from __future__ import annotations

from kfp_provenance.pipelines.tabular_training.pipeline import tabular_training

__all__ = ["tabular_training"]
