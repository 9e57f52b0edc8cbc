"""The tests of the drill: every attack and every honest variation, for real."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

from kfp_provenance.codes import ExitCode
from support.drill.model import Ground, Judged, Passing
from support.drill.registry import Case, cases, passing
from support.drill.scenes import Scene
from support.drill.victims import ask

RECORD = "drill"
"""Property of a test that carries what came of it to the page."""
Scenes = dict[Ground, Scene]
Record = Callable[[str, object], None]


class Drill:
    """Subclasses say on which grounds, and give a fixture ``scenes`` with them."""

    grounds: ClassVar[tuple[Ground, ...]]

    def test_attack(self, case: Case, scenes: Scenes, record_property: Record) -> None:
        """Must be noticed, with exactly the codes that the registry says."""
        scene = scenes[case.trial.ground]
        try:
            found = ask(case.trial.place, scene, case.trial.act(scene))
        finally:
            scene.restore()
        assert found.codes == case.trial.codes
        assert found.exit_code == case.trial.exit_code
        _record(record_property, case.attack.name, str(case.trial.place), found)

    def test_passing(self, one: Passing, scenes: Scenes, record_property: Record) -> None:
        """Must not be refused."""
        scene = scenes[one.ground]
        try:
            found = ask(one.place, scene, one.act(scene))
        finally:
            scene.restore()
        assert found.codes == frozenset()
        assert found.exit_code == ExitCode.PASS
        assert found.notes == one.notes
        _record(record_property, one.name, str(one.place), found)


def parametrize(metafunc: Any) -> None:
    """Give a drill the cases on its grounds; called by pytest for every test."""
    if metafunc.cls is None or not issubclass(metafunc.cls, Drill):
        return
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", cases(*metafunc.cls.grounds), ids=str)
    else:
        found = passing(*metafunc.cls.grounds)
        metafunc.parametrize("one", found, ids=lambda one: one.name)


def _record(record: Record, name: str, place: str, found: Judged) -> None:
    line = {"name": name, "place": place, "codes": sorted(found.codes), "seconds": found.seconds}
    record(RECORD, json.dumps(line))
