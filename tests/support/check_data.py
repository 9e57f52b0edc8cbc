"""Runs whose data sets were ingested, signed and published; and checks against them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kfp_provenance.components._tables import write_table
from kfp_provenance.components.check_data.baseline import Asked
from kfp_provenance.components.check_data.checking import Check, Data, check_table
from kfp_provenance.components.check_data.judging import Status, enforce
from kfp_provenance.data.profile import profile_table
from kfp_provenance.errors import DataError
from kfp_provenance.facts import Artifact, ArtifactKind
from kfp_provenance.hashing import hash_path
from kfp_provenance.publishing import publish_model, trust_in
from kfp_provenance.runtime.context import TaskContext
from kfp_provenance.runtime.identity import TaskIdentity
from support.chains import MemoryReader, Recorded, RunBuilder, key_pair, read, signed, source

ROWS = 200
TABLE = pa.table(
    {
        "id": range(ROWS),
        "age": [20 + number % 40 for number in range(ROWS)],
        "city": ["Oslo" if number % 3 else "Rome" for number in range(ROWS)],
        "left": [number % 4 == 0 for number in range(ROWS)],
    }
)
"""Of customers, a quarter of whom left."""
QUIET: dict[str, Any] = {"columns": {"id": {"ignore": True}}}


def replaced(name: str, values: list[Any], table: pa.Table = TABLE) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, [values])


def artifact(path: Path, kind: str) -> Artifact:
    content = hash_path(path)
    return Artifact(content.digest, str(path), ArtifactKind.FILE, content.size, type=kind)


class CheckDesk:
    """A signer, a folder of published models, and checks of later data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._signer, pem = key_pair(folder)
        self.public_key = pem.decode()
        self.pointer = folder / "published" / "churn.json"

    def write(self, table: pa.Table, name: str, label: str = "left") -> tuple[Path, Path]:
        """A data set and its profile, as `ingest` writes them."""
        folder = self.folder / name
        write_table(table, folder / "dataset")
        (folder / "profile").write_bytes(profile_table(table, label).to_bytes())
        return folder / "dataset", folder / "profile"

    def publish(
        self, table: pa.Table, *, tasks: tuple[str, ...] = ("ingest",), label: str = "left"
    ) -> None:
        """Sign and publish a run whose tasks ingested this table, each a row less."""
        build = RunBuilder("run-7")
        steps = []
        for number, task in enumerate(tasks):
            dataset, profile = self.write(table.slice(number), task, label)
            outputs = {
                "dataset": artifact(dataset, "system.Dataset"),
                "profile": artifact(profile, "system.Artifact"),
            }
            steps.append(build.step(task, inputs=[source(task.encode())], outputs=outputs))
        train = build.step(
            "train",
            inputs=[read(step, "dataset", f"data{n}") for n, step in enumerate(steps)],
            outputs={"model": b"model"},
        )
        chain = Recorded(MemoryReader(build.steps), (read(train, "model"),), "run-7").chain()
        (self.folder / "model").write_bytes(b"model")
        (self.folder / "bundle").write_bytes(signed(chain, self._signer))
        publish_model(
            self.folder / "model",
            self.folder / "bundle",
            destination=str(self.pointer.parent),
            name="churn",
            trust=trust_in(self.public_key, ""),
        )

    def check(
        self,
        table: pa.Table,
        thresholds: dict[str, Any] = QUIET,
        *,
        rows: bool = False,
        **changes: Any,
    ) -> Check:
        dataset, profile = self.write(table, "now")
        asked = {"baseline": f"published:{self.pointer}", "public_key": self.public_key}
        key = changes.pop("key", ())
        label = changes.pop("label", "")
        data = Data(profile, dataset if rows else None, key, label)
        return check_table(data, Asked(**(asked | changes)), thresholds)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CheckDesk:
    identity = TaskIdentity("run-8", "churn", "check-data", "", 1, in_cluster=False)
    task = TaskContext("step", identity, "", "sqlite:unused", ())
    monkeypatch.setattr("kfp_provenance.runtime.context._current", [task])
    return CheckDesk(tmp_path)


def refused(check: Check) -> DataError:
    with pytest.raises(DataError) as error:
        enforce(check.judged)
    return error.value


def broken(check: Check) -> set[tuple[str, str]]:
    return {(item.rule, item.column) for item in check.judged if item.status is Status.BROKEN}
