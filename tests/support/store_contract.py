"""What every kind of store must do: one class, run for SQLite, gRPC and MariaDB."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import (
    Environment,
    Input,
    InputOrigin,
    Outcome,
    Output,
    Parameter,
    Step,
    StepFailure,
)
from kfp_provenance.metadata import (
    Patience,
    Reader,
    Recorder,
    StoreUri,
    encode,
    open_reader,
    open_recorder,
    schema,
)
from support.interop import absent
from support.recording import record_at_once
from support.steps import ENVIRONMENT, START, any_step, artifact, chain, digest, step

try:
    from ml_metadata.proto import metadata_store_pb2 as pb
except ImportError:
    absent("ML Metadata is not installed; it has wheels up to Python 3.11")


@dataclass(frozen=True)
class Store:
    """A new, empty store; ``sql`` reaches below MLMD."""

    uri: str
    sql: Callable[..., list[Any]]


@pytest.fixture
def recorder(store: Store) -> Iterator[Recorder]:
    with closing(open_recorder(store.uri)) as opened:
        yield opened


@pytest.fixture
def reader(store: Store, recorder: Recorder) -> Iterator[Reader]:
    """Opened after the recorder, which makes the store."""
    with closing(open_reader(store.uri)) as opened:
        yield opened


def raw(store: Store) -> Any:
    """MLMD itself, for what others do to the store."""
    from kfp_provenance.metadata.mlmd_connection import connect_writer

    return connect_writer(StoreUri.parse(store.uri), Patience())


def count(store: Store, table: str) -> int:
    ((number,),) = store.sql(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 - a literal of ours
    return int(number)


def read_by(name: str, item_artifact: Any, origin: InputOrigin = InputOrigin.IMPORTED) -> Input:
    return Input(name, 0, item_artifact, origin)


class StoreContract:
    """Subclasses give a fixture ``store``."""

    examples = 60

    # --- what goes in comes out

    def test_a_run_is_rebuilt_from_rows_and_edges(self, recorder: Recorder, reader: Reader) -> None:
        steps = chain("run-1", 5)
        for one in reversed(steps):
            recorder.record(one, ENVIRONMENT)
        run = reader.run("run-1")
        assert run.steps == tuple(steps)
        assert (run.id, run.pipeline, run.namespace) == ("run-1", "churn", "")
        assert reader.step(steps[3].id) == steps[3]
        assert reader.step("run-1/task-9/1") is None
        assert reader.environment(ENVIRONMENT.digest) == ENVIRONMENT
        assert reader.environment(digest("other")) is None

    def test_any_step_comes_back_equal(self, recorder: Recorder, reader: Reader) -> None:
        number = itertools.count()

        @settings(max_examples=self.examples, deadline=None)
        @given(any_step())
        def check(drawn: Step) -> None:
            unique = next(number)
            one = replace(drawn, id=f"{drawn.id}{unique}", run=f"{unique}{drawn.run}")
            recorder.record(one, ENVIRONMENT)
            assert reader.step(one.id) == one
            assert reader.run(one.run).steps == (one,)

        check()

    def test_numbers_are_exact(self, recorder: Recorder, reader: Reader) -> None:
        sizes = (0, 2**31 - 1, 2**31, 2**53 + 1, 2**63)
        one = step(
            parameters=(Parameter("a", "3e-7"), Parameter("b", "NaN"), Parameter("c", "1e400")),
            outputs=tuple(Output("o", i, artifact(f"o{i}", size=s)) for i, s in enumerate(sizes)),
        )
        recorder.record(one, ENVIRONMENT)
        assert reader.step(one.id) == one

    def test_a_failed_step_is_marked_for_mlmd_too(
        self, store: Store, recorder: Recorder, reader: Reader
    ) -> None:
        one = step(outcome=Outcome.FAILED, failure=StepFailure("ValueError", "no"), outputs=())
        recorder.record(one, ENVIRONMENT)
        assert reader.step(one.id) == one
        assert reader.runs()[0].failed == 1
        assert store.sql("SELECT last_known_state FROM Execution")[0][0] == pb.Execution.FAILED

    def test_times_are_those_of_the_step_not_of_the_store(
        self, recorder: Recorder, reader: Reader
    ) -> None:
        early = step(started=START - timedelta(days=9000), finished=START - timedelta(days=9000))
        recorder.record(early, ENVIRONMENT)
        assert reader.step(early.id) == early

    def test_a_run_of_more_steps_than_a_page_of_mlmd(
        self, recorder: Recorder, reader: Reader
    ) -> None:
        steps = chain("long", 120)
        for one in steps:
            recorder.record(one, ENVIRONMENT)
        assert reader.run("long").steps == tuple(steps)
        assert reader.runs()[0].steps == 120

    def test_a_record_above_the_usual_message_limit(
        self, recorder: Recorder, reader: Reader
    ) -> None:
        big = tuple(
            step(task=f"t{i}", id=f"s{i}", results=(Parameter("r", "x" * 900_000),))
            for i in range(8)
        )
        for one in big:
            recorder.record(one, ENVIRONMENT)
        assert reader.run("run-1").steps == big

    # --- recording again

    def test_the_same_step_again_is_a_no_op(
        self, store: Store, recorder: Recorder, reader: Reader
    ) -> None:
        for one in (*chain("run-1", 2), *chain("run-1", 2)):
            recorder.record(one, ENVIRONMENT)
        assert count(store, "Execution") == 2
        assert count(store, "Artifact") == 3
        assert reader.run("run-1").steps == tuple(chain("run-1", 2))

    def test_another_step_under_the_same_id_is_refused(
        self, recorder: Recorder, reader: Reader
    ) -> None:
        one = step()
        recorder.record(one, ENVIRONMENT)
        with pytest.raises(StoreError) as raised:
            recorder.record(replace(one, attempt=2), ENVIRONMENT)
        assert raised.value.code is Code.STORE_CONFLICT
        assert reader.step(one.id) == one

    def test_an_unknown_attempt_is_counted(self, recorder: Recorder, reader: Reader) -> None:
        tries = [step(id=f"try-{n}", attempt=0) for n in range(3)]
        for one in tries:
            recorder.record(one, ENVIRONMENT)
        recorder.record(step(id="other", task="other", attempt=0), ENVIRONMENT)
        recorder.record(tries[1], ENVIRONMENT)  # again: still the second
        found = {one.id: one.attempt for one in reader.run("run-1").steps}
        assert found == {"try-0": 1, "try-1": 2, "try-2": 3, "other": 1}

    # --- rows are shared, never overwritten

    def test_an_input_refers_to_its_producers_row_and_leaves_it_whole(
        self, store: Store, recorder: Recorder
    ) -> None:
        first, second = chain("run-1", 2)
        recorder.record(first, ENVIRONMENT)
        row = "SELECT * FROM Artifact WHERE external_id LIKE 'kprov/output/%'"
        properties = "SELECT name, string_value FROM ArtifactProperty ORDER BY artifact_id, name"
        before = store.sql(row), store.sql(properties)
        recorder.record(replace(second, outputs=()), ENVIRONMENT)
        assert (store.sql(row), store.sql(properties)) == before
        assert before[0][0][2] == first.outputs[0].artifact.uri
        edges = "SELECT COUNT(*) FROM Event e JOIN Artifact a ON a.id = e.artifact_id"
        assert store.sql(f"{edges} WHERE a.external_id LIKE 'kprov/output/%'")[0][0] == 2

    def test_an_input_that_differs_from_its_producers_row_has_its_own(
        self, recorder: Recorder, reader: Reader
    ) -> None:
        first, second = chain("run-1", 2)
        announced = first.outputs[0].artifact
        recorder.record(first, ENVIRONMENT)
        for number, changes in enumerate(
            ({"digest": digest("evil")}, {"uri": "/elsewhere"}, {"metadata": '{"a":1}'})
        ):
            seen = replace(announced, **changes)
            one = replace(
                second, id=f"s{number}", inputs=(replace(second.inputs[0], artifact=seen),)
            )
            recorder.record(one, ENVIRONMENT)
            assert reader.step(one.id) == one
        assert reader.step(first.id) == first

    def test_a_root_of_many_runs_is_one_row(
        self, store: Store, recorder: Recorder, reader: Reader
    ) -> None:
        root = artifact("root", version="17")
        for number in range(5):
            item = read_by("raw", root)
            recorder.record(step(f"r{number}", inputs=(item,), outputs=()), ENVIRONMENT)
        assert count(store, "Artifact") == 1
        changed = replace(root, version="18", metadata='{"rows":3}')
        other = step("r9", inputs=(read_by("raw", changed),), outputs=())
        recorder.record(other, ENVIRONMENT)
        assert count(store, "Artifact") == 2
        assert reader.step(other.id) == other
        assert reader.run("r0").steps[0].inputs[0].artifact == root

    def test_one_artifact_as_several_inputs_is_one_event(
        self, store: Store, recorder: Recorder, reader: Reader
    ) -> None:
        shared = artifact("shared")
        one = step(
            inputs=(
                Input("left", 0, shared, InputOrigin.IMPORTED),
                Input("many", 0, shared, InputOrigin.IMPORTED),
                Input("many", 1, shared, InputOrigin.SOURCE),
            ),
            outputs=(),
        )
        recorder.record(one, ENVIRONMENT)
        assert reader.step(one.id) == one
        assert count(store, "Event") == 1

    def test_an_output_of_equal_facts_as_the_input_is_a_row_of_its_own(
        self, store: Store, recorder: Recorder, reader: Reader
    ) -> None:
        same = artifact("same")
        one = step(inputs=(read_by("a", same),), outputs=(Output("b", 0, same),))
        recorder.record(one, ENVIRONMENT)
        assert reader.step(one.id) == one
        assert count(store, "Artifact") == 2

    def test_the_environment_is_stored_once_and_not_overwritten(
        self, store: Store, recorder: Recorder, reader: Reader
    ) -> None:
        for one in chain("run-1", 3):
            recorder.record(one, ENVIRONMENT)
        lie = Environment(ENVIRONMENT.digest, "another", ())
        recorder.record(step(id="later", task="later"), lie)
        assert reader.environment(ENVIRONMENT.digest) == ENVIRONMENT
        rows = "SELECT COUNT(*) FROM ContextProperty WHERE name = 'packages'"
        assert store.sql(rows)[0][0] == 1

    # --- identity is exact, whatever the backend's comparison does

    def test_ids_that_differ_in_case_accents_or_trailing_blanks(
        self, recorder: Recorder, reader: Reader
    ) -> None:
        names = ["run-a", "Run-A", "run-a ", "rün-a", "x" * 255, "x" * 255 + "y", "x" * 400, "~a"]
        for name in names:
            one = step(name, id=f"{name}/s", pipeline=name, task="t")
            recorder.record(one, ENVIRONMENT)
        for name in names:
            (found,) = reader.run(name).steps
            assert (found.run, found.pipeline, found.id) == (name, name, f"{name}/s")
            assert reader.step(f"{name}/s") == found
        assert {summary.id for summary in reader.runs()} == set(names)

    def test_uris_and_outputs_that_differ_in_case_or_trailing_blanks(
        self, recorder: Recorder, reader: Reader
    ) -> None:
        uris = ["/data/a", "/data/A", "/data/a ", "/data/á"]
        one = step(
            inputs=tuple(
                Input("in", i, artifact("same", uri=uri), InputOrigin.IMPORTED)
                for i, uri in enumerate(uris)
            ),
            outputs=tuple(
                Output(name, 0, artifact("out")) for name in sorted(["m", "M", "m ", "ḿ"])
            ),
        )
        recorder.record(one, ENVIRONMENT)
        assert reader.step(one.id) == one

    def test_text_in_ids_is_never_part_of_a_query(self, recorder: Recorder, reader: Reader) -> None:
        recorder.record(step(), ENVIRONMENT)
        for text in ("x' OR '1'='1", 'x" OR 1=1 --', "\\'; DROP TABLE Artifact; --", "%", "_"):
            with pytest.raises(StoreError) as raised:
                reader.run(text)
            assert raised.value.code is Code.RUN_NOT_FOUND
            assert reader.step(text) is None
            recorder.record(step(text, id=text, task=text, attempt=0), ENVIRONMENT)
            assert reader.run(text).steps[0].task == text

    # --- what MLMD would not give back is refused before anything is written

    @pytest.mark.parametrize(
        "changes",
        [
            {"task": "a\0b"},
            {"namespace": "__MLMD_NULL__"},
            {"pipeline_digest": "mlmd-struct::x"},
            {"task": "\ud800"},
            {"results": (Parameter("big", "x" * (1024 * 1024)),)},
            {"outputs": (Output("o", 0, artifact("o", uri="/\0")),)},
            {"outputs": (Output("o", 0, artifact("o", metadata="x" * (1024 * 1024 + 1))),)},
            {"outputs": (Output("o", 0, artifact("o", uri="/" + "x" * 65_535)),)},
            {"outputs": (Output("o" * 65_535, 0, artifact("o")),)},
            {"outputs": (Output("o", 0, artifact("o")), Output("o", 0, artifact("p")))},
            {"inputs": (read_by("i", artifact("i", version="__MLMD_NULL__")),)},
            {"started": START.replace(tzinfo=None)},
            {"run": ""},
            {"environment": digest("another")},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_refused_before_writing(
        self, store: Store, recorder: Recorder, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(StoreError) as raised:
            recorder.record(replace(step(), **changes), ENVIRONMENT)
        assert raised.value.code is Code.STORE_VALUE_REFUSED
        for table in ("Execution", "Artifact", "Context"):
            assert count(store, table) == 0

    # --- a changed row or edge is seen

    def test_a_changed_digest_is_given_as_it_is(
        self, store: Store, recorder: Recorder, reader: Reader
    ) -> None:
        first, second = chain("run-1", 2)
        recorder.record(first, ENVIRONMENT)
        recorder.record(second, ENVIRONMENT)
        evil = digest("evil")
        store.sql(
            f"UPDATE ArtifactProperty SET string_value = '{evil}'"  # noqa: S608
            f" WHERE string_value = '{second.outputs[0].artifact.digest}'"
        )
        seen = reader.step(second.id)
        assert seen is not None
        assert seen.outputs[0].artifact.digest == evil
        assert seen != second
        assert reader.step(first.id) == first

    @pytest.mark.parametrize(
        ("statement", "code"),
        [
            ("DELETE FROM ArtifactProperty WHERE name = 'size'", Code.STORE_CORRUPT),
            ("UPDATE ArtifactProperty SET string_value = '1_0' WHERE name = 'size'",
             Code.STORE_CORRUPT),
            ("UPDATE ArtifactProperty SET string_value = 'link' WHERE name = 'kind'",
             Code.STORE_CORRUPT),
            ("UPDATE ArtifactProperty SET string_value = 'sha256:0' WHERE name = 'digest'",
             Code.STORE_CORRUPT),
            ("DELETE FROM Artifact", Code.STORE_CORRUPT),
            ("DELETE FROM EventPath", Code.STORE_CORRUPT),
            ("UPDATE EventPath SET step_key = 'model'", Code.STORE_CORRUPT),
            ("UPDATE EventPath SET step_key = '[[[['", Code.STORE_CORRUPT),
            ("UPDATE Event SET type = 1", Code.STORE_CORRUPT),
            ("DELETE FROM ExecutionProperty WHERE name = 'image'", Code.STORE_CORRUPT),
            ("DELETE FROM ExecutionProperty WHERE name = 'schema'", Code.STORE_CORRUPT),
            ("UPDATE ExecutionProperty SET string_value = 'now' WHERE name = 'started'",
             Code.STORE_CORRUPT),
            ("UPDATE ExecutionProperty SET string_value = 'OK' WHERE name = 'outcome'",
             Code.STORE_CORRUPT),
            ("UPDATE ExecutionProperty SET string_value = '{}' WHERE name = 'parameters'",
             Code.STORE_CORRUPT),
            ("UPDATE ExecutionProperty SET string_value = 'run-2' WHERE name = 'run'",
             Code.STORE_CORRUPT),
            ("UPDATE ExecutionProperty SET string_value = '2' WHERE name = 'schema'",
             Code.STORE_UNSUPPORTED),
        ],
    )  # fmt: skip
    def test_rows_that_cannot_be_rebuilt(
        self, store: Store, recorder: Recorder, reader: Reader, statement: str, code: Code
    ) -> None:
        for one in chain("run-1", 2):
            recorder.record(one, ENVIRONMENT)
        store.sql(statement)
        with pytest.raises(StoreError) as raised:
            reader.run("run-1")
        assert raised.value.code is code
        assert raised.value.remedy

    def test_a_changed_row_of_a_common_root_stops_the_next_step(
        self, store: Store, recorder: Recorder
    ) -> None:
        root = read_by("raw", artifact("root"))
        recorder.record(step("r1", inputs=(root,)), ENVIRONMENT)
        store.sql("UPDATE Artifact SET uri = '/evil' WHERE external_id LIKE 'kprov/source/%'")
        with pytest.raises(StoreError) as raised:
            recorder.record(step("r2", inputs=(root,)), ENVIRONMENT)
        assert raised.value.code is Code.STORE_CORRUPT

    # --- others use the same MLMD

    def test_types_of_others_are_left_alone(
        self, store: Store, recorder: Recorder, reader: Reader
    ) -> None:
        connection = raw(store)
        kind = connection.call(
            "put_artifact_type",
            pb.ArtifactType(name="system.Dataset", properties={"display_name": pb.STRING}),
        )
        theirs = pb.Artifact(type_id=kind, uri="/data/root", external_id="theirs")
        theirs.properties["display_name"].string_value = "d"
        (foreign,) = connection.call("put_artifacts", [theirs])
        for one in chain("run-1", 2):
            recorder.record(one, ENVIRONMENT)
        (after,) = connection.call("get_artifacts_by_id", [foreign])
        assert (after.uri, after.external_id, after.type) == (
            "/data/root",
            "theirs",
            "system.Dataset",
        )
        assert after.properties["display_name"].string_value == "d"
        (type_after,) = connection.call("get_artifact_types_by_id", [kind])
        assert list(type_after.properties) == ["display_name"]
        assert len(reader.run("run-1").steps) == 2
        ((first,),) = store.sql("SELECT MIN(execution_id) FROM Event")
        store.sql(
            f"UPDATE Event SET artifact_id = {foreign}"  # noqa: S608
            f" WHERE type = {pb.Event.OUTPUT} AND execution_id = {first}"
        )
        with pytest.raises(StoreError) as raised:
            reader.run("run-1")
        assert raised.value.code is Code.STORE_CORRUPT
        connection.close()

    def test_a_foreign_row_with_our_external_id_is_not_overwritten(
        self, store: Store, recorder: Recorder, reader: Reader
    ) -> None:
        connection = raw(store)
        kind = connection.call("put_artifact_type", pb.ArtifactType(name="system.Model"))
        one = step()
        taken = encode.output_id(one.id, "model", 0)
        (foreign,) = connection.call(
            "put_artifacts", [pb.Artifact(type_id=kind, uri="/theirs", external_id=taken)]
        )
        with pytest.raises(StoreError) as raised:
            recorder.record(one, ENVIRONMENT)
        assert raised.value.code is Code.STORE_CONFLICT
        assert reader.step(one.id) is None
        (after,) = connection.call("get_artifacts_by_id", [foreign])
        assert after.uri == "/theirs"
        connection.close()

    def test_a_store_of_a_later_version_with_more_properties(self, store: Store) -> None:
        connection = raw(store)
        later = pb.ExecutionType(name=schema.STEP_TYPE, properties={"signature": pb.STRING})
        connection.call("put_execution_type", later, can_add_fields=True, can_omit_fields=True)
        connection.close()
        with closing(open_recorder(store.uri)) as recorder:
            recorder.record(step(), ENVIRONMENT)
        with closing(open_reader(store.uri)) as reader:
            assert reader.step(step().id) == step()
        rows = "SELECT COUNT(*) FROM TypeProperty WHERE name = 'signature'"
        assert store.sql(rows)[0][0] == 1

    def test_a_store_of_an_earlier_version_with_fewer_properties(self, store: Store) -> None:
        open_recorder(store.uri).close()
        store.sql("DELETE FROM TypeProperty WHERE name = 'image'")
        with (
            closing(open_recorder(store.uri)) as recorder,
            closing(open_reader(store.uri)) as reader,
        ):
            recorder.record(step(), ENVIRONMENT)
            assert reader.step(step().id) == step()

    def test_a_type_of_ours_with_another_meaning_is_a_conflict(self, store: Store) -> None:
        open_recorder(store.uri).close()
        store.sql(f"UPDATE TypeProperty SET data_type = {pb.INT} WHERE name = 'image'")  # noqa: S608
        for opened in (open_recorder, open_reader):
            with pytest.raises(StoreError) as raised:
                opened(store.uri)
            assert raised.value.code is Code.STORE_CONFLICT

    # --- lists of runs

    def test_runs_newest_first(self, recorder: Recorder, reader: Reader) -> None:
        assert reader.runs() == ()
        for number in range(4):
            for one in chain(f"run-{number}", number + 1, START + timedelta(hours=number)):
                recorder.record(one, ENVIRONMENT)
        assert [run.id for run in reader.runs()] == ["run-3", "run-2", "run-1", "run-0"]
        newest, second = reader.runs(2)
        assert (newest.id, newest.steps, newest.failed) == ("run-3", 4, 0)
        assert newest.started == START + timedelta(hours=3)
        assert newest.finished == START + timedelta(hours=3, seconds=3)
        assert second.id == "run-2"
        with pytest.raises(StoreError) as raised:
            reader.runs(0)
        assert raised.value.code is Code.USAGE

    # --- at once

    @pytest.mark.parametrize("processes", [2, 4])
    def test_processes_at_once_lose_nothing(self, store: Store, processes: int) -> None:
        runs = [f"run-{number}" for number in range(processes)]
        record_at_once(store.uri, runs, 25)
        with closing(open_reader(store.uri)) as reader:
            for run in runs:
                assert reader.run(run).steps == tuple(chain(run, 25))
        assert count(store, "Artifact") == 25 * processes + 1  # all read one root
        ours = "SELECT name, COUNT(*) FROM Type WHERE name LIKE 'kprov.%' GROUP BY name"
        assert all(number == 1 for _, number in store.sql(ours))
