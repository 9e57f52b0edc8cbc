"""The gate: (object, evidence, policy) -> decision, at submit, promotion, admission and load."""

from __future__ import annotations
