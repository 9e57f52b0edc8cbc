"""Lineage is read by SQL on every supported Python, without ML Metadata."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from kfp_provenance import Lineage
from kfp_provenance.metadata import schema
from kfp_provenance.metadata.sql import tables

RAW, MODEL = (f"sha256:{digit * 64}" for digit in "ab")
STEP = {
    "id": "s", "run": "r", "task": "train", "pipeline": "churn", "component": "churn.train",
    "outcome": "SUCCEEDED", "started": "2026-03-01T12:00:00.000000+00:00",
    "finished": "2026-03-01T12:01:00.000000+00:00",
}  # fmt: skip
TYPES = [(1, schema.ARTIFACT_TYPE, 1), (2, schema.STEP_TYPE, 0), (3, schema.RUN_TYPE, 2)]


def rows_of(kind: str, digest: str) -> dict[str, str]:
    return {"digest": digest, "type": kind, "kind": "file", "size": "1"}


def write(path: Path) -> None:
    """The tables of MLMD, as far as lineage reads them: one step, what it read and wrote."""
    engine = sa.create_engine(f"sqlite:///{path}")
    tables.environment.metadata.create_all(engine)
    engine.dispose()
    artifacts = {1: rows_of("system.Dataset", RAW), 2: rows_of("system.Model", MODEL)}
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("INSERT INTO MLMDEnv VALUES (10)")
        store.executemany("INSERT INTO Type (id, name, type_kind) VALUES (?, ?, ?)", TYPES)
        store.execute("INSERT INTO Context (id, type_id, name) VALUES (1, 3, 'r')")
        store.execute("INSERT INTO Execution VALUES (1, 2, 3, 's', 0, 0)")
        store.execute("INSERT INTO Association VALUES (1, 1, 1)")
        for row, properties in artifacts.items():
            store.execute("INSERT INTO Artifact VALUES (?, 1, ?, NULL, 0)", (row, f"/{row}"))
            store.executemany(
                "INSERT INTO ArtifactProperty VALUES (?, ?, 0, ?)",
                [(row, *item) for item in properties.items()],
            )
        store.executemany("INSERT INTO ExecutionProperty VALUES (1, ?, 0, ?)", STEP.items())
        store.executemany("INSERT INTO Event VALUES (?, ?, 1, ?, 0)", [(1, 1, 3), (2, 2, 4)])
        store.executemany(
            "INSERT INTO EventPath VALUES (?, 0, NULL, ?)",
            [(1, '{"name":"data","index":0}'), (2, '{"name":"model","index":0}')],
        )


def test_trace_and_impact(tmp_path: Path) -> None:
    write(tmp_path / "store.db")
    with Lineage.open(f"sqlite:{tmp_path / 'store.db'}") as lineage:
        trace = lineage.trace("r/train/model")
        impact = lineage.impact(RAW)
    assert trace["digest"].tolist() == [MODEL, RAW]
    assert impact["digest"].tolist() == [MODEL]


def test_the_command_line_does_not_load_ml_metadata(tmp_path: Path) -> None:
    write(tmp_path / "store.db")
    program = (
        "import sys; sys.modules['ml_metadata'] = None\nfrom kfp_provenance.cli import main; main()"
    )
    command = [sys.executable, "-c", program, "impact", RAW, "--json", "--store"]
    done = subprocess.run(
        [*command, f"sqlite:{tmp_path / 'store.db'}"], capture_output=True, text=True, check=True
    )
    assert [model["digest"] for model in json.loads(done.stdout)["models"]] == [MODEL]
