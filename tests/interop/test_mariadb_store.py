"""The store contract on a real MariaDB, and what only a MySQL backend gets wrong."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError, StoreError
from kfp_provenance.facts import Output
from kfp_provenance.metadata import (
    Patience,
    StoreUri,
    init_store,
    open_reader,
    open_recorder,
)
from support.mariadb import PASSWORD, USER, MariaDB, running_mariadb
from support.recording import record_at_once
from support.steps import ENVIRONMENT, artifact, chain, step
from support.store_contract import StoreContract
from support.store_defence import StoreDefence
from support.store_fixtures import Store, reader, recorder

__all__ = ["reader", "recorder"]  # fixtures of the contract
pytestmark = pytest.mark.interop
_numbers = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    with running_mariadb(tmp_path_factory.mktemp("mariadb")) as running:
        yield running


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KPROV_STORE_PASSWORD_FILE", raising=False)
    monkeypatch.setenv("KPROV_STORE_PASSWORD", PASSWORD)


def new_store(server: MariaDB, options: str = "") -> Store:
    name = f"meta_{next(_numbers)}"
    uri = server.new_database(name, options)
    return Store(uri, lambda *statements: server.sql(f"USE {name}", *statements))


class TestDefaultCollation(StoreContract, StoreDefence):
    """Comparisons of the server ignore case, accents and trailing blanks."""

    examples = 30

    @pytest.fixture
    def store(self, server: MariaDB) -> Store:
        return new_store(server, "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")


def test_init_makes_a_database_that_tells_case_apart(server: MariaDB) -> None:
    name = f"meta_{next(_numbers)}"
    server.sql(f"GRANT ALL ON {name}.* TO '{USER}'@'127.0.0.1'")
    for _ in range(2):
        init_store(server.uri(name))
    ((characters, collation),) = server.sql(
        f"USE {name}", "SELECT @@character_set_database, @@collation_database"
    )
    assert (characters, collation) == ("utf8mb4", "utf8mb4_bin")
    indexes = server.sql(
        f"USE {name}",
        "SELECT index_name FROM information_schema.statistics"
        " WHERE table_schema = DATABASE() AND index_name LIKE 'kprov%' ORDER BY 1",
    )
    assert indexes == [("kprov_association_execution",), ("kprov_attribution_artifact",)]
    with closing(open_recorder(server.uri(name))) as recorder:
        for one in chain("run-1", 3):
            recorder.record(one, ENVIRONMENT)
    with closing(open_reader(server.uri(name))) as reader:
        assert reader.run("run-1").steps == tuple(chain("run-1", 3))


def test_init_by_several_processes_at_once(server: MariaDB) -> None:
    name = f"meta_{next(_numbers)}"
    server.sql(f"GRANT ALL ON {name}.* TO '{USER}'@'127.0.0.1'")
    program = "import sys; from kfp_provenance.metadata import init_store; init_store(sys.argv[1])"
    command = [sys.executable, "-c", program, server.uri(name)]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    types = server.sql(f"SELECT COUNT(*) FROM {name}.Type WHERE name LIKE 'kprov.%'")
    assert types == [(5,)]


def test_first_recording_by_several_processes_at_once(server: MariaDB) -> None:
    """Nobody ran init: MLMD's tables and our types are still made once."""
    for _ in range(3):
        store = new_store(server)
        runs = [f"run-{number}" for number in range(4)]
        record_at_once(store.uri, runs, 2)
        with closing(open_reader(store.uri)) as reader:
            for run in runs:
                assert reader.run(run).steps == tuple(chain(run, 2))
        assert store.sql("SELECT COUNT(*) FROM Type WHERE name LIKE 'kprov.%'") == [(5,)]


def test_a_database_that_cannot_hold_every_text(server: MariaDB) -> None:
    store = new_store(server, "CHARACTER SET latin1")
    with pytest.raises(StoreError) as raised:
        init_store(store.uri)
    assert raised.value.code is Code.STORE_UNSUPPORTED
    assert raised.value.found == "latin1"


def test_values_at_the_limit_do_not_wedge_the_connection(server: MariaDB) -> None:
    store = new_store(server)
    outputs = tuple(
        Output("o", i, artifact(f"o{i}", metadata="é" * (512 * 1024))) for i in range(4)
    )
    with closing(open_recorder(store.uri)) as recorder, closing(open_reader(store.uri)) as reader:
        large = step(outputs=outputs)
        recorder.record(large, ENVIRONMENT)
        assert reader.step(large.id) == large
        with pytest.raises(StoreError):
            recorder.record(
                step(id="x", outputs=(Output("o", 0, artifact("o", metadata="x" * 2**20 + "x")),)),
                ENVIRONMENT,
            )
        recorder.record(step(id="after"), ENVIRONMENT)


@pytest.mark.parametrize("opened", [open_recorder, open_reader, init_store])
def test_no_access(
    server: MariaDB,
    monkeypatch: pytest.MonkeyPatch,
    opened: type,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KPROV_STORE_PASSWORD", "s3cret")
    with pytest.raises(StoreError) as raised:
        opened(new_store(server).uri)
    assert raised.value.code is Code.STORE_UNREACHABLE
    assert "s3cret" not in str(raised.value) + capfd.readouterr().err


def test_other_ways_not_to_connect(server: MariaDB, monkeypatch: pytest.MonkeyPatch) -> None:
    for uri in (
        server.uri("not_there"),
        server.uri("not_there", user="nobody"),
        "mysql://u@127.0.0.1:1/d",
        "mysql://u@no-such-host.invalid:3306/d",
    ):
        for opened in (open_recorder, open_reader):
            with pytest.raises(StoreError) as raised:
                opened(uri)
            assert raised.value.code is Code.STORE_UNREACHABLE
    monkeypatch.delenv("KPROV_STORE_PASSWORD")
    with pytest.raises(SettingsError):
        open_reader(server.uri("not_there"))


def test_a_lock_of_another_session_is_waited_for(server: MariaDB) -> None:
    """A deadlock or lock timeout of InnoDB is rolled back by MLMD and tried again."""
    store = new_store(server)
    open_recorder(store.uri).close()
    server.sql("SET GLOBAL innodb_lock_wait_timeout = 1")
    try:
        with server.connect() as session, session.cursor() as cursor:
            cursor.execute(f"USE {StoreUri.parse(store.uri).database}")
            cursor.execute("START TRANSACTION")
            cursor.execute("SELECT * FROM Execution FOR UPDATE")
            pauses: list[float] = []

            def sleep(seconds: float) -> None:
                pauses.append(seconds)
                cursor.execute("ROLLBACK")

            with closing(open_recorder(store.uri, Patience(sleep=sleep))) as recorder:
                recorder.record(step(), ENVIRONMENT)
        assert len(pauses) == 1
    finally:
        server.sql("SET GLOBAL innodb_lock_wait_timeout = 50")
    with closing(open_reader(store.uri)) as reader:
        assert reader.run("run-1").steps == (step(),)


def test_a_lost_connection_is_made_again(server: MariaDB) -> None:
    store = new_store(server)
    with closing(open_recorder(store.uri)) as recorder:
        recorder.record(chain("run-1", 2)[0], ENVIRONMENT)
        server.sql(*(
            f"KILL {identity}"
            for (identity,) in server.sql(
                f"SELECT id FROM information_schema.processlist WHERE user = '{USER}'"
            )
        ))  # fmt: skip
        recorder.record(chain("run-1", 2)[1], ENVIRONMENT)
    with closing(open_reader(store.uri)) as reader:
        assert reader.run("run-1").steps == tuple(chain("run-1", 2))


def test_a_bad_configuration_would_end_the_process(server: MariaDB) -> None:
    """Why StoreUri is strict: MLMD aborts on what it is given unchecked."""
    program = (
        "from ml_metadata import metadata_store, proto\n"
        "config = proto.ConnectionConfig()\n"
        "config.mysql.host, config.mysql.user = '127.0.0.1', 'u'\n"
        "metadata_store.MetadataStore(config)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == -6  # what StoreUri lets pass instead: test_uri.py
