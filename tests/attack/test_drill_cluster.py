"""The drill in a cluster, where KFP's cache hands on what it does not look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.drill.cluster import cluster_scene
from support.drill.contract import Drill, Scenes
from support.drill.model import Ground


class TestCluster(Drill):
    grounds = (Ground.CLUSTER,)

    @pytest.fixture(scope="class")
    @classmethod
    def scenes(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenes]:
        with cluster_scene(tmp_path_factory.mktemp("cluster")) as scene:
            yield {Ground.CLUSTER: scene}
