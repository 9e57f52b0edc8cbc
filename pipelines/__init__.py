"""Pipelines made of the components, each with its compiled form beside it."""

from __future__ import annotations
