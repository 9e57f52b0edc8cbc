"""Sign the chain of a run."""

from __future__ import annotations
