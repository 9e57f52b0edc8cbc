"""Lineage by SQL on SQLite and through a real gRPC server, judged by one oracle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.lineage_contract import LineageContract
from support.lineage_lab import Lab, sqlite_lab


@pytest.fixture(scope="class")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with sqlite_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


class TestLineage(LineageContract):
    pass
