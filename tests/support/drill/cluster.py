"""The drill in a cluster: tasks run as KFP's launcher runs them, with KFP's cache."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.drill.model import Given
from support.drill.scenes import PIPELINES, Scene, make_keys, make_raw
from support.launcher import Backend, ClusterRun, backend
from support.signed_run import PASSPHRASE, kprov

Json = dict[str, Any]
Meanwhile = Callable[[ClusterRun], object]
NAMESPACE = "team-a"


class WatchedBackend(Backend):
    """A backend of which somebody else can write everything between two tasks.

    Attributes:
        meanwhile: What happens before a task starts, by the task's name.
        seconds: How long the last task took.
    """

    def __init__(self, one: Backend) -> None:
        vars(self).update(vars(one))
        self.meanwhile: dict[str, Meanwhile] = {}
        self.seconds = 0.0

    def _task(self, spec: Json, run: ClusterRun, name: str, task: Json, given: Json) -> str:
        self.meanwhile.get(name, lambda _: None)(run)
        start = time.perf_counter()
        try:
            return super()._task(spec, run, name, task, given)
        finally:
            self.seconds = time.perf_counter() - start

    def record(self, run: ClusterRun, task: str, output: str) -> Json:
        """What KFP's own ML Metadata says of an output; can be written to."""
        return self._artifacts[run.outputs[task][output]]

    def state(self) -> tuple[list[Json], Json]:
        """A copy of KFP's own ML Metadata and of its cache."""
        return copy.deepcopy((self._artifacts, self._cache))

    def reset(self, state: tuple[list[Json], Json]) -> None:
        """Go back to a state."""
        artifacts, cache = copy.deepcopy(state)
        self._artifacts[:] = artifacts
        self._cache.clear()
        self._cache.update(cache)
        self.meanwhile.clear()


@dataclass
class ClusterScene(Scene):
    """One run of the drill's pipeline in a cluster, and all that it left behind."""

    backend: WatchedBackend
    first: ClusterRun
    state: tuple[list[Json], Json]

    def given(self) -> Given:
        return Given(
            self.artifact("fit", "model"), self.artifact("sign", "bundle"),
            ("--key", str(self.key)), self.store, run=self.first.id,
        )  # fmt: skip

    def artifact(self, task: str, output: str) -> Path:
        return self.backend.object_of(self.first, task, output)

    def properties(self, task: str, output: str) -> Json:
        """What KFP's own ML Metadata says of an output of the first run."""
        found: Json = self.backend.record(self.first, task, output)["properties"]
        return found

    def restore(self) -> None:
        super().restore()
        self.backend.reset(self.state)

    def submit(self, given: Given) -> ClusterRun:
        """Another run; what is not asked otherwise comes from the cache."""
        return submit(self.backend, self.folder, given.pipeline, dict(given.arguments))


def submit(one: Backend, folder: Path, pipeline: str, changed: Json) -> ClusterRun:
    """Run a compiled pipeline with the drill's parameters."""
    arguments = {
        "source": str(folder / "raw"),
        "rate": 0.1,
        "bound": 0.5,
        "signer": f"file:{folder / 'signer.key'}",
        "public_key": (folder / "signer.pub").read_text(),
        "destination": str(folder / "published"),
        **changed,
    }
    return one.submit(folder / f"{pipeline}.yaml", arguments)


@contextmanager
def cluster_scene(folder: Path) -> Iterator[ClusterScene]:
    """A cluster with one finished run."""
    place = folder / "scene"
    place.mkdir()
    make_keys(place)
    make_raw(place)
    done = kprov("compile", f"{PIPELINES}:drill", "-o", place / "drill.yaml", cwd=place)
    assert done.returncode == 0, done.stderr
    environ = {
        "KPROV_STORE": f"sqlite:{place / 'metadata.db'}",
        "KPROV_KEY_PASSPHRASE": PASSPHRASE,
        "POD_NAMESPACE": NAMESPACE,
    }
    with backend(place, environ) as one:
        watched = WatchedBackend(one)
        first = submit(watched, place, "drill", {})
        assert set(first.states.values()) <= {"COMPLETE", "CACHED"}, list(first.logs.values())[-1]
        scene = ClusterScene(place, folder / "pristine", watched, first, watched.state())
        scene.remember()
        yield scene
