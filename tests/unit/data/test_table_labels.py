"""Flips of labels, by key and without; and a million rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.tables import TableDesk


@pytest.fixture
def desk(tmp_path: Path) -> TableDesk:
    return TableDesk(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> TableDesk:
    return TableDesk(tmp_path_factory.mktemp("tables"))


def test_flips_by_key_are_exact_and_say_from_what_to_what(desk: TableDesk) -> None:
    found = desk.compare(
        {"id": [1, 2, 3, 4, 5], "y": ["a", "a", "b", None, "b"]},
        {"id": [5, 4, 3, 2, 1], "y": ["b", "a", "a", "b", "b"]},
        key=("id",),
        label="y",
    )
    labels = found.labels
    assert labels is not None
    assert (labels.exact, labels.compared, labels.flipped, labels.share) == (True, 4, 3, 0.75)
    assert (labels.unmatched_before, labels.unmatched_after) == (0, 1)
    assert [(t.before, t.after, t.rows) for t in labels.transitions] == [
        ("a", "b", 2),
        ("b", "a", 1),
    ]


def test_flips_without_a_key_are_found_among_rows_that_are_equal_otherwise(desk: TableDesk) -> None:
    before = {"x": [1, 2, 3, 4, 9, 9], "y": [0, 0, 1, 1, 0, 1]}
    after = {"x": [4, 3, 2, 5, 9, 9], "y": [1, 0, 0, 1, 1, 1]}
    labels = desk.compare(before, after, label="y").labels
    assert labels is not None
    # 2, 3, 4 can be matched, and two of 9, of which one flipped; 1 and 5 cannot
    assert (labels.exact, labels.compared, labels.flipped) == (False, 5, 2)
    assert (labels.repeated, labels.unmatched_before, labels.unmatched_after) == (2, 1, 1)
    assert [(t.before, t.after, t.rows) for t in labels.transitions] == [(1, 0, 1)]


@given(st.data())
def test_flips_without_a_key_are_never_more_than_there_were(
    shared: TableDesk, data: st.DataObject
) -> None:
    features = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=40))
    labels = data.draw(st.lists(st.booleans(), min_size=len(features), max_size=len(features)))
    flips = data.draw(st.lists(st.booleans(), min_size=len(features), max_size=len(features)))
    later = [old != flip for old, flip in zip(labels, flips, strict=True)]
    found = shared.compare({"x": features, "y": labels}, {"x": features, "y": later}, label="y")
    assert found.labels is not None
    assert found.labels.compared == len(features)
    assert found.labels.flipped <= sum(flips)
    alone = [flip for x, flip in zip(features, flips, strict=True) if features.count(x) == 1]
    assert found.labels.flipped >= sum(alone)


def test_a_number_to_predict_shows_no_cells(desk: TableDesk) -> None:
    labels = desk.compare(
        {"id": range(300), "y": [n + 0.5 for n in range(300)]},
        {"id": range(300), "y": [n + 0.25 for n in range(300)]},
        key=("id",),
        label="y",
    ).labels
    assert labels is not None
    assert (labels.flipped, labels.transitions) == (300, ())


def test_a_label_that_one_table_lacks_says_so(desk: TableDesk) -> None:
    labels = desk.compare({"x": [1], "y": [1]}, {"x": [1]}, label="y").labels
    assert labels is not None
    assert (labels.share, labels.reason) == (None, "the table after has no such column")


# --- size

_PROGRAM = """
import resource, sys, time
from pathlib import Path
from kfp_provenance.data.tables import compare_tables
before, after = map(Path, sys.argv[1:3])
key = tuple(sys.argv[3:])
start = time.process_time()
found = compare_tables(before, after, key=key, label="y")
took = time.process_time() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(found.rows.unchanged, found.labels.flipped, peak, took)
"""


@pytest.mark.slow
@pytest.mark.parametrize("key", [(), ("id",)], ids=["whole rows", "by key"])
def test_a_million_rows_in_seconds_and_bounded_memory(tmp_path: Path, key: tuple[str, ...]) -> None:
    rows = 1_000_000
    random = np.random.default_rng(0)
    words = np.array([f"word {number}" for number in range(500)])
    frame = pd.DataFrame({"id": np.arange(rows)})
    for number in range(6):
        frame[f"x{number}"] = random.normal(size=rows)
        frame[f"s{number}"] = words[random.integers(0, 500, rows)]
    frame["y"] = random.integers(0, 2, rows)
    frame.to_parquet(tmp_path / "before", index=False)
    flipped = random.random(rows) < 0.2
    frame["y"] = np.where(flipped, 1 - frame["y"], frame["y"])
    frame.sample(frac=1, random_state=0).to_parquet(tmp_path / "after", index=False)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, tmp_path / "before", tmp_path / "after", *key],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    unchanged, found, peak, took = map(float, done.stdout.split())
    assert (unchanged, found) == (rows - flipped.sum(), flipped.sum())
    assert peak < 1_200_000  # KiB; both tables in pandas take more
    assert took < 40  # seconds of processor time; others may use the machine
