"""What every kind of store must do: one class, run for SQLite, gRPC and MariaDB."""

from __future__ import annotations

import itertools
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

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
    Reader,
    Recorder,
    open_reader,
)
from support.interop import absent
from support.recording import record_at_once
from support.steps import ENVIRONMENT, START, any_step, artifact, chain, digest, step
from support.store_fixtures import Store, count, read_by

try:
    from ml_metadata.proto import metadata_store_pb2 as pb
except ImportError:
    absent("ML Metadata is not installed; it has wheels up to Python 3.11")


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
