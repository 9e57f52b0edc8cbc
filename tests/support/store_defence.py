"""What every kind of store must refuse, notice or leave alone."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import (
    Output,
    Parameter,
)
from kfp_provenance.metadata import (
    Reader,
    Recorder,
    encode,
    open_reader,
    open_recorder,
    schema,
)
from support.interop import absent
from support.steps import ENVIRONMENT, START, artifact, chain, digest, step
from support.store_fixtures import Store, count, raw, read_by

try:
    from ml_metadata.proto import metadata_store_pb2 as pb
except ImportError:
    absent("ML Metadata is not installed; it has wheels up to Python 3.11")


class StoreDefence:
    """Subclasses give a fixture ``store``."""

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
            f"UPDATE ArtifactProperty SET string_value = '{evil}'"
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
            f"UPDATE Event SET artifact_id = {foreign}"
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
        store.sql(f"UPDATE TypeProperty SET data_type = {pb.INT} WHERE name = 'image'")
        for opened in (open_recorder, open_reader):
            with pytest.raises(StoreError) as raised:
                opened(store.uri)
            assert raised.value.code is Code.STORE_CONFLICT
