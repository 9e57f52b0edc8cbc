"""The drill on a run of ``tabular_training``, and on a chain that was signed keyless."""

from __future__ import annotations

import pytest

from support.drill.contract import Drill, Scenes
from support.drill.model import Ground
from support.drill.scenes import keyless_scene, tabular_scene


class TestFiles(Drill):
    grounds = (Ground.TABULAR, Ground.KEYLESS)

    @pytest.fixture(scope="class")
    @classmethod
    def scenes(cls, tmp_path_factory: pytest.TempPathFactory) -> Scenes:
        return {
            Ground.TABULAR: tabular_scene(tmp_path_factory.mktemp("tabular")),
            Ground.KEYLESS: keyless_scene(tmp_path_factory.mktemp("keyless")),
        }
