"""The executor of kfp 2.17 under the launcher of KFP 2.17: see support/replay_contract.py."""

from __future__ import annotations

from support.replay_contract import ReplayContract


class TestReplay(ReplayContract):
    """Runs the contract in this environment."""
