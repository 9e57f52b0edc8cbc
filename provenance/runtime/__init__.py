"""Inside a task: wrap KFP's executor, hash, compare, announce, record."""

from __future__ import annotations
