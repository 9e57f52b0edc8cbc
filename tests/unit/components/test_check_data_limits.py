"""``check_data`` apart from KFP: which limits hold."""

from __future__ import annotations

import pyarrow as pa
import pytest

from kfp_provenance.codes import Code
from kfp_provenance.components.check_data.judging import enforce
from kfp_provenance.components.check_data.thresholds import Limits
from kfp_provenance.errors import DataError
from kfp_provenance.runtime.context import current_task
from support.check_data import QUIET, ROWS, TABLE, CheckDesk, broken, desk, refused, replaced

__all__ = ["desk"]


@pytest.mark.parametrize(
    ("thresholds", "where"),
    [
        ({"max_pis": 1}, "thresholds.max_pis"),
        ({"max_psi": -1}, "thresholds.max_psi"),
        ({"max_label_flip": 1.5}, "thresholds.max_label_flip"),
        ({"max_psi": "none"}, "thresholds.max_psi"),
        ({"max_psi": float("nan")}, "thresholds.max_psi"),
        ({"min_rows": 1.5}, "thresholds.min_rows"),
        ({"columns": {"a": {"max": 1}}}, "thresholds.columns.a.max"),
    ],
)
def test_thresholds_are_read_strictly(thresholds: dict[str, object], where: str) -> None:
    with pytest.raises(DataError) as error:
        Limits.from_parameter(thresholds)
    assert error.value.code is Code.PARAMETER_INVALID
    assert where in error.value.where


def test_numbers_of_a_pipeline_are_doubles() -> None:
    assert Limits.from_parameter({"min_rows": 100.0, "max_psi": 1.0}).min_rows == 100


def test_limits_of_a_column_stand_for_those_of_the_table() -> None:
    limits = Limits.from_parameter(
        {"max_psi": 0.2, "columns": {"a": {"max_psi": 0.5}, "b": {"max_psi": "off"}, "c": {}}}
    )
    found = {name: limits.psi_of(name, moments=False) for name in "abcd"}
    assert found == {"a": 0.5, "b": None, "c": 0.2, "d": 0.2}
    assert limits.psi_of("d", moments=True) is None
    assert limits.psi_of("a", moments=True) == 0.5


def test_a_limit_of_no_column_is_an_error(desk: CheckDesk) -> None:
    desk.publish(TABLE)
    with pytest.raises(DataError, match="no column typo"):
        desk.check(TABLE, {"columns": {"typo": {"max_psi": 1}}})


# --- what is refused, and what is not


def test_the_same_data_holds_all_limits(desk: CheckDesk) -> None:
    desk.publish(TABLE)
    check = desk.check(TABLE, rows=True, key=("id",))
    enforce(check.judged)
    assert check.metrics["broken_limits"] == 0
    names = [given.name for given in current_task().sources]
    assert names == ["baseline_bundle", "baseline", "baseline_dataset"]
    assert check.report == desk.check(TABLE, rows=True, key=("id",)).report


def test_each_limit_is_broken_by_what_it_is_about(desk: CheckDesk) -> None:
    desk.publish(TABLE)
    older = replaced("age", [60 + number % 40 for number in range(ROWS)])
    assert broken(desk.check(older)) == {("max_psi", "age")}
    nulls = replaced("age", [None if n % 8 == 0 else 20 + n % 40 for n in range(ROWS)])
    assert ("max_null_increase", "age") in broken(desk.check(nulls))
    assert broken(desk.check(TABLE.slice(0, 80))) == {("max_row_change", "")}
    assert broken(desk.check(TABLE.drop_columns(["city"]))) == {("allow_schema_change", "")}
    gone = replaced("left", [False] * ROWS)
    assert broken(desk.check(gone)) >= {("max_label_psi", "left"), ("max_label_flip", "left")}
    reordered = TABLE.select(["left", "city", "age", "id"])
    assert broken(desk.check(reordered)) == set()
    strict = {**QUIET, "allow_reordering": False}
    assert broken(desk.check(reordered, strict)) == {("allow_reordering", "")}


def test_a_refusal_names_columns_values_and_limits(desk: CheckDesk) -> None:
    desk.publish(TABLE)
    error = refused(desk.check(replaced("age", [60 + n % 40 for n in range(ROWS)])))
    assert error.code is Code.DATA_DRIFTED
    assert error.exit_code == 1
    assert "max_psi of 'age': 5.26" in error.message
    assert error.where == "column 'age'"
    assert "max_psi of 'age': at most 0.25" in error.expected


def test_a_change_of_the_schema_can_be_allowed(desk: CheckDesk) -> None:
    desk.publish(TABLE)
    texts = replaced("age", ["old"] * ROWS).append_column("new", [[1] * ROWS])
    enforce(desk.check(texts, {**QUIET, "allow_schema_change": True}).judged)


def test_flips_both_ways_show_in_the_rows_alone(desk: CheckDesk) -> None:
    desk.publish(TABLE)
    labels = TABLE.column("left").to_pylist()
    stayed = [number for number, left in enumerate(labels) if not left][:20]
    left = [number for number, gone in enumerate(labels) if gone][:20]
    for number in (*stayed, *left):
        labels[number] = not labels[number]
    noisy = replaced("left", labels)
    assert broken(desk.check(noisy)) == set()  # as many left as before
    for key in (("id",), ()):
        check = desk.check(noisy, rows=True, key=key)
        assert broken(check) == {("max_label_flip", "left")}
        assert check.metrics["label_flips"] == 0.2
        assert "max_label_flip of 'left': 0.2" in refused(check).message
        assert "Labels of the same rows" in check.page


def test_the_label_may_be_named_in_the_later_run_only(desk: CheckDesk) -> None:
    desk.publish(TABLE, label="")
    labels = [not left for left in TABLE.column("left").to_pylist()[:40]]
    noisy = replaced("left", labels + TABLE.column("left").to_pylist()[40:])
    check = desk.check(noisy, rows=True, key=("id",))
    assert ("max_label_flip", "left") in broken(check)
    assert check.metrics["label_flips"] == 0.2


def test_a_key_that_names_no_row_is_broken(desk: CheckDesk) -> None:
    desk.publish(TABLE)
    check = desk.check(TABLE, rows=True, key=("city",))
    assert ("key", "") in broken(check)
    assert "share their key" in refused(check).message


def test_time_goes_on_unless_a_limit_says_otherwise(desk: CheckDesk) -> None:
    def at(start: int) -> pa.Table:
        moments = pa.array([start + number for number in range(ROWS)], pa.timestamp("s"))
        return TABLE.append_column("at", moments)

    desk.publish(at(0))
    assert broken(desk.check(at(10_000))) == set()
    thresholds = {"columns": {"at": {"max_psi": 1}, "id": {"ignore": True}}}
    assert broken(desk.check(at(10_000), thresholds)) == {("max_psi", "at")}


def test_what_chance_makes_on_few_rows_is_said(desk: CheckDesk) -> None:
    desk.publish(TABLE.slice(0, 30))
    check = desk.check(TABLE.slice(30, 30), {**QUIET, "max_psi": 0.0})
    assert "by chance)" in refused(check).message
