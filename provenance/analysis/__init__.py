"""Lineage for analysts: pandas frames, and the difference of two lineages."""

from __future__ import annotations

from kfp_provenance.analysis.deployments import Deployment, read_deployments
from kfp_provenance.analysis.lineage import IncompleteWarning, Lineage

__all__ = ["Deployment", "IncompleteWarning", "Lineage", "read_deployments"]
