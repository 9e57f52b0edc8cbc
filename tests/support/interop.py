"""What a test does when the real server or client it needs is not on this machine."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def absent(reason: str) -> NoReturn:
    """Skip with the reason; fail where nothing may be skipped (``KPROV_NO_SKIP=1``)."""
    if os.environ.get("KPROV_NO_SKIP") == "1":
        pytest.fail(f"KPROV_NO_SKIP=1, but {reason}")
    pytest.skip(reason, allow_module_level=True)
