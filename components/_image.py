"""Image of the components' tasks."""

from __future__ import annotations

from kfp_provenance.settings import setting

BASE_IMAGE = setting("image") or "python:3.11-slim"
"""Fixed when the component is imported. ``KPROV_IMAGE`` names one by digest:
``registry.example/kfp-provenance@sha256:...``, with this package and Python installed."""
