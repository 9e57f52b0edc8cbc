"""Lineage on a real MariaDB: by SQL, and through a gRPC server in front of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError, StoreError
from kfp_provenance.facts import ComponentReference, Output, Parameter
from kfp_provenance.lineage.queries import trace
from kfp_provenance.metadata import init_store, open_index, open_recorder
from kfp_provenance.metadata.graph import Selection
from kfp_provenance.metadata.sql.index import SqlIndex
from kfp_provenance.metadata.sql.tables import events
from support.lineage_contract import LineageContract
from support.lineage_lab import Lab, open_lab
from support.lineage_lists import ListContract, LookupContract
from support.mariadb import PASSWORD, USER, MariaDB, running_mariadb
from support.steps import ENVIRONMENT, artifact, chain, digest, step

pytestmark = pytest.mark.interop
_numbers = itertools.count()
CONFUSED = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
"""Comparisons ignore case, accents and trailing blanks."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    with running_mariadb(tmp_path_factory.mktemp("mariadb")) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def _password() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KPROV_STORE_PASSWORD_FILE", raising=False)
        patch.setenv("KPROV_STORE_PASSWORD", PASSWORD)
        yield


def new_name() -> str:
    return f"lineage_{next(_numbers)}"


@pytest.fixture(scope="class")
def lab(server: MariaDB) -> Iterator[Lab]:
    name = new_name()
    uri = server.new_database(name, CONFUSED)
    with server.connect() as session, session.cursor() as cursor:
        cursor.execute(f"USE {name}")
        cursor.execute("SET NAMES latin1")  # as MLMD's own connection says

        def sql(statement: str) -> Any:
            cursor.execute(statement)
            return cursor.fetchall()

        with open_lab(uri, sql) as opened:
            yield opened


class TestLineage(LineageContract):
    examples = 24


class TestLookups(LookupContract):
    examples = 24


class TestLists(ListContract):
    examples = 24


def test_names_that_the_database_takes_for_equal(server: MariaDB) -> None:
    """Runs, pipelines, namespaces, components, types and places, by letter case and a blank."""
    uri = server.new_database(new_name(), CONFUSED)
    names = ["name", "Name", "name ", "näme", "NAME"]
    with closing(open_recorder(uri)) as recorder:
        for name in names:
            output = Output("model", 0, artifact(f"of {name}", uri=f"/{name}", type=name))
            one = step(name, "t", id=f"{name}/1", pipeline=name, namespace=name, outputs=(output,))
            component = ComponentReference(name.strip(), "1", digest("s"), "i")
            recorder.record(replace(one, component=component), ENVIRONMENT)
    with closing(open_index(uri)) as index:
        for row, name in enumerate(names, 1):
            assert index.steps_of_run(name) == (row,)
            assert index.rows_at(f"/{name}") == (row,)
            assert index.list_steps(Selection(pipeline=name)) == (row,)
            assert index.list_steps(Selection(namespace=name)) == (row,)
            assert index.list_artifacts(Selection(type=name)) == (row,)
            assert index.list_artifacts(Selection(pipeline=name, namespace=name)) == (row,)
            assert [run for _, run in index.list_runs(Selection(pipeline=name))] == [name]
            assert index.outputs([1, 2, 3, 4, 5], name) == (row,)
        assert index.list_runs(Selection(), limit=9)[0][1] == names[-1]
        assert index.pipelines() == tuple(sorted(names))
        assert index.steps_of_component("Name") == (2,)
        assert index.steps_of_component("name") == (1, 3)


def test_text_of_every_kind_comes_back(server: MariaDB) -> None:
    """MLMD's own connection says latin1 and sends UTF-8: read in any other way, it is garbage."""
    uri = server.new_database(new_name(), "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    texts = ("chürn", "流失", "🙂", "Ã³", "\u0081\u009d", "a\\b'c\"", "‰€", "\U0010ffff")
    steps = []
    for number, text in enumerate(texts):
        output = Output(text, 0, artifact(text, uri=f"/{text}", type=text, metadata=f'"{text}"'))
        one = step(text, text, id=f"{text}/{number}", pipeline=text, namespace=text)
        steps.append(replace(one, outputs=(output,), parameters=(Parameter(text, f'"{text}"'),)))
    with closing(open_recorder(uri)) as recorder:
        for one in steps:
            recorder.record(one, ENVIRONMENT)
    with closing(open_index(uri)) as index:
        assert index.records(range(1, len(texts) + 1)) == tuple(steps)
        assert index.pipelines() == index.types() == tuple(sorted(texts))
        for row, text in enumerate(texts, 1):
            assert index.steps_of_run(text) == index.rows_at(f"/{text}") == (row,)
            assert index.list_steps(Selection(pipeline=text, namespace=text)) == (row,)
            assert index.list_artifacts(Selection(type=text)) == (row,)


def test_a_chain_that_is_longer_than_mariadb_would_recurse(server: MariaDB) -> None:
    """After 1,000 rounds MariaDB ends a recursion without an error, unless told otherwise."""
    uri = server.new_database(new_name())
    steps = chain("long", 1200)
    with closing(open_recorder(uri)) as recorder:
        for one in steps:
            recorder.record(one, ENVIRONMENT)
    with closing(open_index(uri)) as index:
        (end,) = index.rows_with_digest(steps[-1].outputs[0].artifact.digest)
        assert len(index.upstream([end])) == 1200
        assert len(index.downstream(index.rows_with_digest(digest("root")))) == 1200
        graph = trace(index, [end])
        assert [row.task for row in graph.steps] == [one.task for one in steps]
        assert index.records(range(1, 1201)) == tuple(steps)


def test_to_read_is_all_that_it_takes(server: MariaDB, monkeypatch: pytest.MonkeyPatch) -> None:
    name = new_name()
    with closing(open_recorder(server.new_database(name))) as recorder:
        for one in chain("run-1", 5):
            recorder.record(one, ENVIRONMENT)
    server.sql(
        "CREATE USER IF NOT EXISTS 'analyst'@'127.0.0.1' IDENTIFIED VIA mysql_native_password"
        " USING PASSWORD('to-read')",
        f"GRANT SELECT ON {name}.* TO 'analyst'@'127.0.0.1'",
    )
    monkeypatch.setenv("KPROV_STORE_PASSWORD", "to-read")
    with closing(open_index(server.uri(name, "analyst"))) as index:
        root = index.rows_with_digest(digest("root"))
        assert len(index.downstream(root)) == 5
        assert len(index.records(index.steps_of_run("run-1"))) == 5
    monkeypatch.setenv("KPROV_STORE_PASSWORD", PASSWORD)
    with closing(open_index(server.uri(name))) as index:
        assert isinstance(index, SqlIndex)
        with pytest.raises(StoreError) as raised:  # also of one who may write
            index._connection.rows(events.delete())
    assert raised.value.code is Code.STORE_UNREACHABLE
    assert server.sql(f"SELECT COUNT(*) FROM {name}.Event WHERE type = 4") == [(5,)]


def test_no_access(server: MariaDB, monkeypatch: pytest.MonkeyPatch) -> None:
    name = new_name()
    uri = server.new_database(name)
    for wrong in (
        uri,  # an empty database
        server.uri("not_there"),
        server.uri(name, user="nobody"),
        "mysql://u@127.0.0.1:1/d",
        "mysql://u@no-such-host.invalid:3306/d",
    ):
        with pytest.raises(StoreError) as raised:
            open_index(wrong)
        assert raised.value.code is Code.STORE_UNREACHABLE
        assert PASSWORD not in str(raised.value)
    init_store(uri)
    open_index(uri).close()
    monkeypatch.setenv("KPROV_STORE_PASSWORD", "s3cret")
    with pytest.raises(StoreError) as raised:
        open_index(uri)
    assert raised.value.code is Code.STORE_UNREACHABLE
    assert "s3cret" not in f"{raised.value}{raised.value.__cause__}"
    monkeypatch.delenv("KPROV_STORE_PASSWORD")
    with pytest.raises(SettingsError):
        open_index(uri)


def test_a_connection_that_the_server_ended(server: MariaDB) -> None:
    """As after hours without a question."""
    uri = server.new_database(new_name())
    with closing(open_recorder(uri)) as recorder:
        recorder.record(step(), ENVIRONMENT)
    with closing(open_index(uri)) as index:
        for _ in range(3):
            assert index.steps_of_run("run-1") == (1,)
            server.sql(*(
                f"KILL {identity}"
                for (identity,) in server.sql(
                    f"SELECT id FROM information_schema.processlist WHERE user = '{USER}'"
                )
            ))  # fmt: skip


def test_a_server_that_is_gone(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_mariadb(tmp_path_factory.mktemp("gone")) as server:
        uri = server.new_database(new_name())
        init_store(uri)
        index = open_index(uri)
    with closing(index):
        for _ in range(2):
            with pytest.raises(StoreError) as raised:
                index.types()
            assert raised.value.code is Code.STORE_UNREACHABLE
