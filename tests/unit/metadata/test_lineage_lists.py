"""Look-ups and lists by SQL on SQLite and through a real gRPC server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.lineage_lab import Lab, sqlite_lab
from support.lineage_lists import ListContract, LookupContract


@pytest.fixture(scope="class")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with sqlite_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


class TestLookups(LookupContract):
    pass


class TestLists(ListContract):
    pass
