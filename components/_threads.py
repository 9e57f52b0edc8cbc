"""Threads of a task that has not all cores for itself."""

from __future__ import annotations

import os


def share_cores() -> None:
    """Let idle OpenMP threads sleep instead of spinning.

    Call it before scikit-learn is imported: its OpenMP reads the variable when it is
    loaded. Spinning multiplies the time of a fit as soon as other processes want the same
    cores, which is the rule in a cluster. A value that is set already stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
