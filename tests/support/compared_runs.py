"""Runs to compare, recorded in a real store, over tables that are really there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kfp_provenance.analysis.diff import LineageDiff, Settings, StoredData, diff, find_either
from kfp_provenance.facts import (
    Artifact,
    ArtifactKind,
    Environment,
    Input,
    InputOrigin,
    Parameter,
    Step,
)
from kfp_provenance.hashing import hash_path
from kfp_provenance.metadata import open_index, open_recorder
from support.chains import ENVIRONMENT, METRICS, RunBuilder, artifact, read, source

NEWER = Environment(
    artifact(b"newer").digest, "CPython 3.11.7 linux-x86_64", ("a==1", "scikit-learn==1.6.0")
)
ROWS = 1000


class Store:
    """A store with runs of which each step may be anything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uri = f"sqlite:{folder / 'metadata.db'}"

    def record(self, steps: Sequence[Step]) -> None:
        known = {each.digest: each for each in (ENVIRONMENT, NEWER)}
        with closing(open_recorder(self.uri)) as recorder:
            for step in steps:
                recorder.record(step, known[step.environment])

    def file(self, name: str, data: bytes | pd.DataFrame, **changes: Any) -> Artifact:
        """A file of the folder as an artifact; a table becomes CSV."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.to_csv(index=False).encode())
        content = hash_path(path)
        facts = {"type": "system.Dataset", **changes}
        return Artifact(content.digest, str(path), ArtifactKind.FILE, content.size, **facts)

    def diff(self, before: str, after: str, *, data: bool = True, **settings: Any) -> LineageDiff:
        with closing(open_index(self.uri)) as index:
            return diff(
                index, find_either(index, before), find_either(index, after),
                data=StoredData() if data else None, settings=Settings(**settings),
            )  # fmt: skip


def table() -> pd.DataFrame:
    random = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "id": np.arange(ROWS),
            "age": random.normal(40, 10, ROWS),
            "income": random.normal(50, 5, ROWS),
            "label": random.integers(0, 2, ROWS),
        }
    )


def record_run(
    store: Store,
    run: str,
    raw: Artifact | bytes = b"raw",
    *,
    model: bytes = b"",
    metrics: bytes = METRICS,
    changes: Mapping[str, Mapping[str, object]] = {},
    outputs: Mapping[str, Artifact] = {},
) -> None:
    """ingest -> train -> evaluate; what is made depends on ``raw`` and ``model``."""
    root = source(raw, "source") if isinstance(raw, bytes) else Input(
        "source", 0, raw, InputOrigin.SOURCE
    )  # fmt: skip
    tag = root.artifact.digest.hex.encode()
    build = RunBuilder(run)
    parameters = (Parameter("label", '"label"'), Parameter("uri", json.dumps(root.artifact.uri)))
    ingest = build.step(
        "ingest", inputs=[root], outputs={"table": b"table" + tag, **outputs},
        **{"parameters": parameters, **changes.get("ingest", {})},
    )  # fmt: skip
    made = artifact(b"model" + tag + model)
    train = build.step(
        "train", inputs=[read(ingest, "table")],
        outputs={"model": replace(made, type="system.Model")}, **changes.get("train", {}),
    )  # fmt: skip
    build.step(
        "evaluate", inputs=[read(train, "model")],
        outputs={"metrics": artifact(metrics, kind=ArtifactKind.VALUES)},
        **changes.get("evaluate", {}),
    )  # fmt: skip
    store.record(build.steps)


def noisy_runs(folder: Path) -> Store:
    """Two runs of one pipeline: the second one read a tenth of the labels flipped."""
    store = Store(folder)
    clean, noisy = table(), table()
    noisy.loc[:99, "label"] = 1 - noisy.loc[:99, "label"]
    record_run(store, "run-one", store.file("old/raw.csv", clean))
    record_run(
        store, "run-two", store.file("new/raw.csv", noisy), metrics=b'{"accuracy":"0.83"}',
        changes={"train": {"parameters": (Parameter("rate", "0.9"), Parameter("seed", "7"))}},
    )  # fmt: skip
    return store
