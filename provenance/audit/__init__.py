"""The audit trail of the gate's decisions: append-only, hash-chained, with signed checkpoints."""

from __future__ import annotations
