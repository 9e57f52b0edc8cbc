"""The drill on local runs whose data sets and models are directories."""

from __future__ import annotations

import pytest

from support.drill.contract import Drill, Scenes
from support.drill.model import Ground
from support.drill.scenes import drill_scene


class TestDirectories(Drill):
    grounds = (Ground.DRILL,)

    @pytest.fixture(scope="class")
    @classmethod
    def scenes(cls, tmp_path_factory: pytest.TempPathFactory) -> Scenes:
        return {Ground.DRILL: drill_scene(tmp_path_factory.mktemp("drill"))}
