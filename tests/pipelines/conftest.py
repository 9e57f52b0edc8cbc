"""Fixtures of the pipeline tests."""

from __future__ import annotations

from support.tracking import local_runs

__all__ = ["local_runs"]
