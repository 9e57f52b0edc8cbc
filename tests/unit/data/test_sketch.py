"""Sketches: counts of real rows, and how far they can be from the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kfp_provenance.data.sketch import MAX_CELLS, Cut, Sketch, make_sketch

INTEGERS = st.lists(st.integers(-(2**62), 2**62) | st.integers(-3, 3), min_size=1, max_size=400)
FLOATS = st.lists(
    st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1.0]),
    min_size=1,
    max_size=400,
)


@given(INTEGERS | FLOATS, st.randoms(use_true_random=False))
def test_cells_in_any_order_give_the_same_bytes(values: list[float], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = (make_sketch(np.array(each)) for each in (values, shuffled))
    assert first.model_dump_json() == second.model_dump_json()
    assert Sketch.model_validate_json(first.model_dump_json()) == first


@given(INTEGERS | FLOATS)
def test_every_row_is_counted_once(values: list[float]) -> None:
    sketch = make_sketch(np.array(values))
    assert sketch.rows == len(values)
    assert (sketch.numbers[0], sketch.numbers[-1]) == (min(values), max(values))
    assert sketch.whole == (len(set(values)) <= MAX_CELLS)
    if sketch.whole:
        assert dict(zip(sketch.numbers, sketch.equal, strict=True)) == {
            value: values.count(value) for value in set(values)
        }


@given(st.integers(0, 2**32), st.integers(1, 5000), st.floats(-4, 4))
def test_a_cut_is_known_to_within_a_gap_of_less_than_a_hundredth(
    seed: int, rows: int, at: float
) -> None:
    random = np.random.default_rng(seed)
    values = np.where(random.random(rows) < 0.3, 0.0, random.normal(size=rows))
    sketch = make_sketch(values)
    for cut in (Cut(at, above=True), Cut(at, above=False), Cut(0.0, above=False)):
        found = sketch.locate(cut)
        truth = int((values <= cut.value).sum() if cut.above else (values < cut.value).sum())
        assert abs(found.rows - truth) <= found.unsure
        assert found.unsure < rows / 100 or found.unsure == 0
    for cell in sketch.numbers:
        assert sketch.locate(Cut(cell, above=True)).rows == (values <= cell).sum()
        assert sketch.locate(Cut(cell, above=False)).rows == (values < cell).sum()


def test_percentiles_are_cells_of_the_table() -> None:
    values = np.random.default_rng(1).normal(size=10_007)  # no percentile falls between two rows
    sketch = make_sketch(values)
    for percent in range(1, 101):
        expected = np.percentile(values, percent, method="inverted_cdf")
        assert expected in sketch.numbers
    assert len(sketch.numbers) == MAX_CELLS


def test_integers_beyond_json_are_exact() -> None:
    sketch = make_sketch(np.array([2**60, 2**60 + 1, -5]))
    assert sketch.cells == (-5, str(2**60), str(2**60 + 1))
    assert Sketch.model_validate_json(sketch.model_dump_json()).numbers == (-5, 2**60, 2**60 + 1)
    assert sketch.locate(Cut(2**60, above=True)).rows == 2


@pytest.mark.parametrize(
    "content",
    [
        {"cells": [1, 1], "equal": [1, 1], "below": [0, 0]},
        {"cells": [2, 1], "equal": [1, 1], "below": [0, 0]},
        {"cells": [1, 2], "equal": [1], "below": [0, 0]},
        {"cells": [1, 2], "equal": [1, 0], "below": [0, 0]},
        {"cells": [1, 2], "equal": [1, 1], "below": [1, 0]},
        {"cells": [1, 2], "equal": [1, 1], "below": [0, -1]},
        {"cells": ["x" * 16], "equal": [1], "below": [0]},
        {"cells": [1, float("inf")], "equal": [1, 1], "below": [0, 0]},
        {"cells": [], "equal": [], "below": []},
        {"cells": [1], "equal": [2**60], "below": [0]},
    ],
)
def test_what_no_column_can_have_is_refused(content: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Sketch.model_validate(content)
