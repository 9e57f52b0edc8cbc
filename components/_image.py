"""Image of the components' tasks."""

from __future__ import annotations

import os

BASE_IMAGE = os.environ.get("KPROV_IMAGE") or "python:3.11-slim"
"""Fixed when the component is imported. ``KPROV_IMAGE`` names one by digest:
``registry.example/kfp-provenance@sha256:...``, with this package and Python installed."""
