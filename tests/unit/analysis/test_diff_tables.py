"""What two tables say: each kind of change, and files that are not read."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kfp_provenance.analysis.diff import Settings, StoredData
from kfp_provenance.analysis.diffing.data_causes import data_causes
from kfp_provenance.analysis.diffing.model import CauseKind
from kfp_provenance.analysis.diffing.tables import TableComparer, Tables
from support.compared_runs import ROWS, Store, table


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def compared(store: Store, before: pd.DataFrame, after: pd.DataFrame) -> Tables:
    comparer = TableComparer(StoredData(), Settings(labels=("label",)))
    found = comparer.compare(store.file("a.csv", before), store.file("b.csv", after))
    assert isinstance(found, Tables)
    return found


def change_income(frame: pd.DataFrame) -> pd.DataFrame:
    frame["income"] = frame["income"].astype(object)
    frame.loc[:99, "income"] = None
    return frame


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda f: f.assign(label=1 - f["label"].where(f.index < 20, 1 - f["label"])), "LABEL"),
        (lambda f: f.rename(columns={"age": "years"}), "SCHEMA"),
        (lambda f: f.assign(age=f["age"] + 15), "DRIFT"),
        (change_income, "NULLS"),
        (lambda f: f.assign(age=f["age"].where(f.index > 14, 1000)), "RANGE"),
        (lambda f: f.iloc[:800], "ROWS"),
        (lambda f: f.assign(age=f["age"].where(f.index > 4, 40.5)), "CELLS"),
        (lambda f: f.sample(frac=1, random_state=1), "SAME_TABLE"),
    ],
)
def test_each_kind_of_change_in_a_table(store: Store, change: Any, kind: str) -> None:
    found = sorted(
        data_causes(compared(store, table(), change(table()))), key=lambda c: -c.likelihood.score
    )
    assert found[0].kind.name == kind
    assert 0 < found[0].likelihood.score < 1


def test_a_key_that_another_table_declares_names_the_rows_of_those_that_have_it(
    store: Store,
) -> None:
    before = table().assign(number=range(ROWS))
    after = before.assign(label=1 - before["label"].where(before.index < 20, 1 - before["label"]))
    shuffled = after.sample(frac=1, random_state=1)
    settings = Settings(labels=("label",), declared=(("not there",), ("number",)))
    comparer = TableComparer(StoredData(), settings)
    found = comparer.compare(store.file("c.csv", before), store.file("d.csv", shuffled))
    assert isinstance(found, Tables)
    assert found.rows.key == ("number",)
    assert found.rows.labels is not None
    assert found.rows.labels.flipped == 20
    assert not found.notes


def test_new_rows_of_few_values_are_no_label_noise(store: Store) -> None:
    """Rows that are not unique and drawn anew flip labels by chance."""

    def drawn(seed: int) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        return pd.DataFrame(
            {"colour": random.choice(["red", "blue"], ROWS), "label": random.integers(0, 2, ROWS)}
        )

    found = {c.kind: c for c in data_causes(compared(store, drawn(1), drawn(2)))}
    assert found[CauseKind.LABEL].likelihood.score <= 0.45


def test_a_file_that_is_no_table_is_not_read_as_one(store: Store) -> None:
    comparer = TableComparer(StoredData(), Settings())
    for data in (b'{"a": 1}', b"<html>", b"\0\1\2", b"PAR1 and no more"):
        reason = comparer.compare(store.file("a", data), store.file("b", data + b" "))
        assert isinstance(reason, str)
        assert "no table" in reason


def test_tables_above_the_limit_are_not_read(store: Store) -> None:
    comparer = TableComparer(StoredData(limit=100), Settings())
    reason = comparer.compare(store.file("a.csv", table()), store.file("b.csv", table()[:5]))
    assert isinstance(reason, str)
    assert reason.startswith("the bytes before cannot be read")


def test_packed_tables_are_unpacked_up_to_the_limit(store: Store) -> None:
    packed = [gzip.compress(f.to_csv(index=False).encode()) for f in (table(), table()[:-5])]
    files = [store.file(f"{n}.csv.gz", data) for n, data in enumerate(packed)]
    found = TableComparer(StoredData(), Settings()).compare(*files)
    assert isinstance(found, Tables)
    assert found.rows is not None
    assert (found.rows.rows.before, found.rows.rows.after) == (ROWS, ROWS - 5)
    bomb = [store.file(f"{n}-bomb.csv.gz", gzip.compress(b"x" * 10**7 + tail))
            for n, tail in enumerate((b"1", b"2"))]  # fmt: skip
    reason = TableComparer(StoredData(limit=10**6), Settings()).compare(*bomb)
    assert reason == "the bytes before cannot be read: too large when unpacked"


def test_web_addresses_are_not_asked(store: Store) -> None:
    there = replace(store.file("a.csv", b"a\n1\n"), uri="https://data.example/a.csv")
    reason = TableComparer(StoredData(), Settings()).compare(there, store.file("b.csv", b"a\n2\n"))
    assert reason == "the bytes before cannot be read: https: is not read again"
