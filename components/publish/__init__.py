"""Publish a signed model."""

from __future__ import annotations
