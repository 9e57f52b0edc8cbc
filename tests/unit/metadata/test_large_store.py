"""The stores of tests and benchmarks must be those that the recorder would have written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kfp_provenance.facts import Digest, InputOrigin, Step
from kfp_provenance.metadata import open_reader, open_recorder
from support.large_store import LargeStore, kept_store, make_store
from support.large_store.maker import ENVIRONMENTS
from support.recording import sqlite_sql

ARTIFACTS = 1_205
TESTS = Path(__file__).resolve().parents[2]
ENVIRONMENT_OF = {environment.digest: environment for environment in ENVIRONMENTS}

# in processes of their own: MLMD's SQLite and Python's must not open one file in one process
RECORD = """
import sys
from pathlib import Path
from kfp_provenance.metadata import open_recorder
from support.large_store import LargeStore
from support.large_store.maker import ENVIRONMENTS

environments = {environment.digest: environment for environment in ENVIRONMENTS}
recorder = open_recorder(f"sqlite:{sys.argv[1]}")
for run in LargeStore(Path(sys.argv[1]), int(sys.argv[2])).planned():
    for step in run.steps:
        recorder.record(step, environments[step.environment])
"""
READ_WITH_MLMD = """
import json, sys
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2 as pb

config = pb.ConnectionConfig()
config.sqlite.filename_uri = sys.argv[1]
config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READONLY
store = metadata_store.MetadataStore(config)
found = []
for name in json.loads(sys.argv[2]):
    step = store.get_execution_by_type_and_name("kprov.Step", name)
    events = store.get_events_by_execution_ids([step.id])
    artifacts = {a.id: a for a in store.get_artifacts_by_id([e.artifact_id for e in events])}
    sides = {pb.Event.INPUT: [], pb.Event.OUTPUT: []}
    for event in events:
        artifact = artifacts[event.artifact_id]
        assert artifact.type == "kprov.Artifact"
        sides[event.type].append([artifact.uri, artifact.properties["digest"].string_value])
    contexts = [c.type for c in store.get_contexts_by_execution(step.id)]
    found.append([step.properties["task"].string_value, *map(sorted, sides.values()),
                  sorted(contexts)])
print(json.dumps(found))
"""


def run_python(script: str, *arguments: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True, timeout=300
    )
    return done.stdout


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LargeStore:
    return make_store(tmp_path_factory.mktemp("large") / "written.db", ARTIFACTS)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "recorded.db"
    run_python(RECORD, str(path), str(ARTIFACTS))
    return path


KEYS = {
    "artifact_id": "(SELECT external_id FROM Artifact a WHERE a.id = t.artifact_id)",
    "execution_id": "(SELECT name FROM Execution x WHERE x.id = t.execution_id)",
    "context_id": "(SELECT type_id || ' ' || name FROM Context c WHERE c.id = t.context_id)",
    "event_id": "(SELECT a.external_id || ' ' || x.name || ' ' || type FROM Event e"
    " JOIN Artifact a ON a.id = artifact_id JOIN Execution x ON x.id = execution_id"
    " WHERE e.id = t.event_id)",
}
LEFT_OUT = {"id", "create_time_since_epoch", "last_update_time_since_epoch"}


def tables(path: Path) -> list[str]:
    names = sqlite_sql(path, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
    return [name for (name,) in names]


def content(path: Path, table: str) -> list[list[Any]]:
    """All rows of a table, with names instead of ids, without times of writing."""
    columns = [row[1] for row in sqlite_sql(path, f"PRAGMA table_info({table})")]
    shown = [KEYS.get(column, column) for column in columns if column not in LEFT_OUT]
    order = ", ".join(str(number + 1) for number in range(len(shown)))
    return sqlite_sql(path, f"SELECT {', '.join(shown)} FROM {table} t ORDER BY {order}")


def test_every_row_of_every_table_is_that_of_the_recorder(
    store: LargeStore, recorded: Path
) -> None:
    assert tables(store.path) == tables(recorded)
    for table in tables(recorded):
        assert content(store.path, table) == content(recorded, table), table


def test_the_schema_is_that_of_a_store_with_its_indexes_and_wal(
    store: LargeStore, recorded: Path
) -> None:
    made = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2"
    assert sqlite_sql(store.path, made) == sqlite_sql(recorded, made)
    assert "kprov_association_execution" in str(sqlite_sql(store.path, made))
    assert sqlite_sql(store.path, "PRAGMA journal_mode") == [["wal"]]
    assert sqlite_sql(store.path, "PRAGMA integrity_check") == [["ok"]]
    assert [path.name for path in store.path.parent.iterdir()] == [store.path.name]


def test_the_reader_gives_every_run_back(store: LargeStore) -> None:
    with closing(open_reader(store.uri)) as reader:
        for planned in store.planned():
            run = reader.run(planned.steps[0].run)
            assert run.steps == planned.steps
        for environment in ENVIRONMENTS:
            assert reader.environment(environment.digest) == environment


def test_the_client_of_mlmd_gives_steps_back(store: LargeStore) -> None:
    steps = [step for planned in store.planned() for step in planned.steps][::25]
    names = json.dumps([step.id for step in steps])
    found = json.loads(run_python(READ_WITH_MLMD, str(store.path), names))
    contexts = ["kprov.Environment", "kprov.Pipeline", "kprov.Run"]
    assert found == [
        [step.task, *(sorted(map(_place, side)) for side in (step.inputs, step.outputs)), contexts]
        for step in steps
    ]


def _place(item: Any) -> list[str]:
    return [item.artifact.uri, str(item.artifact.digest)]


def test_the_recorder_goes_on_where_the_store_ends(tmp_path: Path) -> None:
    store = make_store(tmp_path / "m.db", 1_000)
    known = {planned.steps[0].run for planned in store.planned()}
    larger = LargeStore(store.path, 1_060)
    more = [s for planned in larger.planned() for s in planned.steps if s.run not in known]
    assert more
    with closing(open_recorder(store.uri)) as recorder:
        for step in more:
            recorder.record(step, ENVIRONMENT_OF[step.environment])
    with closing(open_reader(store.uri)) as reader:
        assert [reader.step(step.id) for step in more] == more


@pytest.mark.parametrize("artifacts", [1_000, 1_003, 10_000, 30_007])
def test_the_number_of_artifacts_is_exact(artifacts: int) -> None:
    outputs, others = 0, set()
    for planned in LargeStore(Path("m.db"), artifacts).planned():
        for step in planned.steps:
            outputs += len(step.outputs)
            others |= {i.artifact for i in step.inputs if i.origin is not InputOrigin.STEP}
    assert outputs + len(others) == artifacts


def test_too_small_a_store_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        LargeStore(Path("m.db"), 999)


def test_a_store_is_kept_until_what_makes_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = kept_store(tmp_path, 1_000)
    before = first.path.stat()
    assert kept_store(tmp_path, 1_000) == first
    assert first.path.stat() == before
    monkeypatch.setattr("support.large_store._SOURCES", ())
    assert kept_store(tmp_path, 1_000).path != first.path
    assert not first.path.exists()


class Graph:
    """Steps joined by digest, walked one by one: what large stores are asked for."""

    def __init__(self, store: LargeStore) -> None:
        self.steps = [step for planned in store.planned() for step in planned.steps]
        self.writers: dict[Digest, list[Step]] = defaultdict(list)
        self.readers: dict[Digest, list[Step]] = defaultdict(list)
        for step in self.steps:
            for output in step.outputs:
                self.writers[output.artifact.digest].append(step)
            for item in step.inputs:
                self.readers[item.artifact.digest].append(step)

    def upstream(self, digest: Digest) -> list[Step]:
        return self._walk(digest, self.writers, "inputs")

    def downstream(self, digest: Digest) -> list[Step]:
        return self._walk(digest, self.readers, "outputs")

    def _walk(self, digest: Digest, steps: dict[Digest, list[Step]], side: str) -> list[Step]:
        todo, seen, found = [digest], {digest}, {}
        while todo:
            for step in steps[todo.pop()]:
                found[step.id] = step
                new = {item.artifact.digest for item in getattr(step, side)} - seen
                seen |= new
                todo += new
        return [step for step in self.steps if step.id in found]


@pytest.fixture(scope="module")
def graph(store: LargeStore) -> Graph:
    return Graph(store)


def test_the_shapes_are_what_their_names_say(store: LargeStore, graph: Graph) -> None:
    popular = graph.downstream(store.popular.digest)
    assert len(popular) == store.popular_steps
    assert sum(len(step.outputs) for step in popular) == store.popular_outputs
    assert len({step.run for step in popular}) == store.popular_runs
    copies = {item.artifact.uri for step in popular for item in step.inputs[:1]
              if item.artifact.digest == store.popular.digest}  # fmt: skip
    assert len(copies) == 1 + store.popular_copies
    models = {store.popular_model(number) for number in range(store.popular_runs)}
    assert models == {output.artifact.digest for step in popular for output in step.outputs
                      if output.artifact.type == "system.Model"}  # fmt: skip
    for chain in range(store.chains):
        behind = graph.upstream(store.chain_model(chain))
        assert len(behind) == store.chain_steps(chain)
        assert len({step.run for step in behind}) == store.chain_runs
    assert len(graph.upstream(store.long_model)) == store.long_steps > 50
    assert {step.run for step in graph.upstream(store.long_model)} == {store.long_run}


def test_copies_are_cycles_and_have_several_producers(store: LargeStore, graph: Graph) -> None:
    def tasks(digest: Digest) -> list[str]:
        return [step.task for step in graph.upstream(digest)]

    assert tasks(store.copied_model) == ["copy", "train"]
    assert tasks(store.copied) == ["copy"]
    assert tasks(store.packed_model) == ["pack", "unpack", "train"]
    assert tasks(store.plain) == tasks(store.packed) == ["pack", "unpack"]
    assert tasks(store.twin_model) == ["generate", "generate", "train"]


def test_steps_read_what_was_written_before(store: LargeStore, graph: Graph) -> None:
    finished = {step.id: step.finished for step in graph.steps}
    for step in graph.steps:
        for item in step.inputs:
            assert not item.producer or finished[item.producer] <= step.started
        if step.task == "train" and step.inputs[0].origin is InputOrigin.IMPORTED:
            before = graph.writers[step.inputs[0].artifact.digest]
            assert all(writer.finished <= step.started for writer in before)
