"""Comparisons of profiles, against the whole tables that they are of."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sklearn.datasets import load_diabetes

from kfp_provenance.data.binning import OTHERS
from kfp_provenance.data.compare import NO_BINS, ColumnDifference, compare_profiles
from kfp_provenance.data.difference import ProfileDifference
from kfp_provenance.data.measures import psi
from kfp_provenance.data.profile import DataProfile, profile_table


def compare(before: dict[str, object], after: dict[str, object]) -> ProfileDifference:
    return compare_profiles(profile_table(pa.table(before)), profile_table(pa.table(after)))


def column(before: object, after: object) -> ColumnDifference:
    (found,) = compare({"a": before}, {"a": after}).columns
    return found


def bins(difference: ColumnDifference) -> dict[str, tuple[int, int]]:
    assert difference.drift is not None
    return {item.name: (item.before, item.after) for item in difference.drift.bins}


CELLS = st.one_of(
    st.lists(st.none() | st.floats(-1e300, 1e300), min_size=1, max_size=300),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=300),
    st.lists(st.none() | st.text(max_size=2), min_size=1, max_size=300),
    st.lists(st.none() | st.booleans(), min_size=1, max_size=50),
)


@given(CELLS)
def test_a_table_is_no_different_from_itself(cells: list[object]) -> None:
    found = compare({"a": cells}, {"a": list(reversed(cells))})
    assert not found.schema.changed
    assert found.row_change == 0
    (difference,) = found.columns
    assert difference.null_increase == 0
    if all(cell is None for cell in cells):
        assert difference.drift is None
    else:
        assert difference.drift is not None
        assert (difference.drift.psi, difference.drift.chi_square.statistic) == (0, 0)
        assert (difference.drift.cramers_v, difference.drift.total_variation) == (0, 0)
        assert difference.drift.unsure == 0


NUMBERS = st.lists(st.integers(-50, 50), min_size=1, max_size=300)
TEXTS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=300)


@given(st.tuples(NUMBERS, NUMBERS) | st.tuples(TEXTS, TEXTS))
def test_bins_hold_every_row_of_both(cells: tuple[list[object], list[object]]) -> None:
    before, after = cells
    found = column(before, after)
    assert found.drift is not None
    assert sum(item.before for item in found.drift.bins) == len(before)
    assert sum(item.after for item in found.drift.bins) == len(after)
    assert found.drift.psi >= 0
    assert found.drift.unsure == 0


@given(TEXTS, TEXTS)
def test_texts_differ_as_much_either_way(before: list[str], after: list[str]) -> None:
    there, back = column(before, after).drift, column(after, before).drift
    assert there is not None
    assert back is not None
    assert there.psi == pytest.approx(back.psi, rel=1e-8)
    assert there.chi_square.statistic == pytest.approx(back.chi_square.statistic, rel=1e-8)


def test_deciles_and_counts_are_those_that_pandas_finds() -> None:
    frame = load_diabetes(as_frame=True).frame
    before, after = frame.iloc[:200], frame.iloc[200:]
    found = compare_profiles(
        *(
            profile_table(pa.Table.from_pandas(part, preserve_index=False))
            for part in (before, after)
        )
    )
    for difference in found.columns:
        assert difference.drift is not None
        if len(difference.drift.bins) != 10:
            continue  # a value of its own bin: not what pandas does
        values = before[difference.name]
        edges = np.percentile(values, np.arange(10, 100, 10), method="inverted_cdf")
        cut = [-np.inf, *edges, np.inf]
        naive = [
            pd.cut(part[difference.name], cut).value_counts(sort=False).tolist()
            for part in (before, after)
        ]
        assert [item.before for item in difference.drift.bins] == naive[0]
        # the table after has 101 cells of 242 rows in its sketch: the rest is estimated
        truth = psi(*naive)
        assert difference.drift.psi == pytest.approx(truth, abs=0.03)
        moved = sum(
            abs(item.after - count)
            for item, count in zip(difference.drift.bins, naive[1], strict=True)
        )
        assert moved <= 2 * difference.drift.unsure * len(after)


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5])
def test_psi_of_profiles_is_that_of_the_rows(shift: float) -> None:
    random = np.random.default_rng(3)
    before, after = random.normal(size=50_000), random.normal(shift, 1, size=20_000)
    found = column(before, after).drift
    assert found is not None
    edges = np.percentile(before, np.arange(10, 100, 10), method="inverted_cdf")
    naive = [
        np.bincount(np.searchsorted(edges, side, side="left"), minlength=10).tolist()
        for side in (before, after)
    ]
    assert found.psi == pytest.approx(psi(*naive), rel=0.02, abs=1e-4)


def test_a_code_for_unknown_is_a_bin_of_its_own() -> None:
    before = [-1] * 30 + list(range(70))
    after = [-2] * 30 + list(range(70))
    found = bins(column(before, after))
    assert (found["= -1"], found["< -1"]) == ((30, 0), (0, 30))


@pytest.mark.parametrize(
    "after", [[2] * 9, [4] * 9, [2.5, 3.5] * 50 + [float(i) for i in range(200)]]
)
def test_a_constant_that_changes_is_seen(after: list[float]) -> None:
    found = column([3] * 20, after)
    assert found.drift is not None
    assert found.drift.psi > 1


def test_new_and_vanished_values() -> None:
    found = column(["a"] * 50 + ["b"] * 50, ["a"] * 50 + ["c"] * 50)
    assert bins(found) == {"a": (50, 50), "b": (50, 0), "c": (0, 50)}
    assert found.drift is not None
    assert found.drift.psi == pytest.approx(psi([50, 50, 0], [50, 0, 50]))


def test_rare_values_are_put_together() -> None:
    before = ["a"] * 500 + [f"r{number}" for number in range(40)]
    after = ["a"] * 500 + [f"s{number}" for number in range(40)]
    assert bins(column(before, after)) == {"a": (500, 500), OTHERS: (40, 40)}


def test_what_a_profile_does_not_name_speaks_for_no_drift() -> None:
    # 150 texts, each as often: which 100 are named is chance
    before = [f"{number:03}" for number in range(150)] * 20
    after = [f"{number:03}" for number in range(149, -1, -1)] * 10 + ["000", "149"]
    found = column(before, after)
    assert found.drift is not None
    assert found.drift.psi < 0.001
    assert found.drift.unsure > 0


def test_all_values_replaced_is_seen_although_not_all_are_named() -> None:
    before = [f"b{number}" for number in range(150)] * 20
    found = column(before, ["x"] * 2000 + ["y"] * 1000)
    assert found.drift is not None
    assert found.drift.psi > 1


def test_schema() -> None:
    found = compare(
        {"a": [1], "b": [1], "c": ["x"], "d": pa.nulls(1, pa.string())},
        {"c": [1.5], "b": [1], "e": [1], "d": ["x"]},
    )
    schema = found.schema
    assert (schema.added, schema.removed, schema.reordered) == (("e",), ("a",), True)
    assert [(item.column, item.before, item.after) for item in schema.retyped] == [
        ("c", "string", "number"),
        ("d", "empty", "string"),
    ]
    reasons = {difference.name: difference.reason for difference in found.columns}
    assert reasons["b"] == ""
    assert "cannot be compared" in reasons["c"]
    assert "no row has a value" in reasons["d"]


def test_integers_and_numbers_can_be_compared() -> None:
    found = column([1, 2, 3] * 5, [1.0, 2.0, 3.0] * 5)
    assert found.drift is not None
    assert found.drift.psi == 0


def test_rows_nulls_ranges_and_distinct_values() -> None:
    found = compare({"a": [1, 2, 3, 4]}, {"a": [None, 0, 2, 9, 3, 3]})
    (difference,) = found.columns
    assert (found.rows_before, found.rows_after, found.row_change) == (4, 6, 0.5)
    assert difference.null_increase == pytest.approx(1 / 6)
    assert (difference.before.distinct, difference.after.distinct) == (4, 4)
    assert (difference.after.minimum, difference.after.maximum) == (0, 9)
    assert difference.outside == pytest.approx(2 / 5)


def test_moments_are_compared_and_named() -> None:
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    days = [start + dt.timedelta(days=number) for number in range(40)]
    found = column(days[:20], days[20:])
    assert found.drift is not None
    assert found.drift.psi > 1
    assert next(iter(bins(found))).startswith("≤ 2024-01-0")


def label(before: list[object], after: list[object]) -> tuple[float | None, str]:
    found = compare_profiles(
        profile_table(pa.table({"y": before}), "y"), profile_table(pa.table({"y": after}), "y")
    )
    assert found.label is not None
    return found.label.flipped_at_least, found.label.reason


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1))
def test_flips_are_never_fewer_than_the_bound(rows: list[tuple[str, str]]) -> None:
    before, after = [row[0] for row in rows], [row[1] for row in rows]
    bound, _ = label(before, after)
    assert bound is not None
    assert bound <= np.mean([old != new for old, new in rows]) + 1e-9


def test_flips_both_ways_do_not_show() -> None:
    assert label([0, 1] * 50, [1, 0] * 50) == (0, "")


def test_a_label_that_ingest_did_not_name_is_found_in_its_column() -> None:
    before, after = (
        profile_table(pa.table({"y": labels})) for labels in ([0] * 5 + [1] * 5, [0] * 8 + [1] * 2)
    )
    assert compare_profiles(before, after).label is None
    found = compare_profiles(before, after, label="y").label
    assert found is not None
    assert found.flipped_at_least == pytest.approx(0.3)


def test_a_number_to_predict_drifts_without_flips() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    before, after = (profile_table(pa.table({"y": y}), "y") for y in (values, values + 3))
    found = compare_profiles(before, after).label
    assert found is not None
    assert found.drift is not None
    assert found.drift.psi > 1
    assert found.flipped_at_least is None


def test_version_1_has_no_bins_of_numbers_and_says_so() -> None:
    table = pa.table({"n": [1, 2], "s": ["a", "b"], "y": [True, False]})
    now = profile_table(table, "y")
    content = json.loads(now.to_bytes())
    content["version"] = 1
    for item in content["columns"]:
        del item["sketch"], item["others"]
    old = DataProfile.model_validate(content)
    for found in (compare_profiles(old, now), compare_profiles(now, old)):
        n, s, y = found.columns
        assert (n.drift, n.reason, n.outside) == (None, NO_BINS, None)
        assert s.drift is not None
        assert y.drift is not None
        assert found.label is not None
        assert found.label.flipped_at_least == 0


def test_results_are_plain_json_and_equal_to_the_byte() -> None:
    before = {"a": [1, 2, None], "s": ["x", "y", "z"]}
    first, second = (json.dumps(compare(before, {"a": [5]}).to_json()) for _ in range(2))
    assert first == second
    found = compare(before, {"a": [5], "s": ["x"]})
    assert json.loads(json.dumps(found.to_json())) == TypeAdapter(ProfileDifference).dump_python(
        found, mode="json"
    )
