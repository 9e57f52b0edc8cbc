"""Measures against SciPy, against plain formulas, and against chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kfp_provenance.data.measures import (
    chi_square,
    cramers_v,
    psi,
    psi_by_chance,
    total_variation,
)

COUNTS = st.integers(2, 12).flatmap(
    lambda bins: st.tuples(
        *[st.lists(st.integers(0, 10**6), min_size=bins, max_size=bins).filter(any)] * 2
    )
)


@given(COUNTS)
def test_bounds_and_symmetry(counts: tuple[list[int], list[int]]) -> None:
    before, after = counts
    assert psi(before, after) >= 0
    assert psi(before, after) == pytest.approx(psi(after, before), rel=1e-8, abs=1e-12)
    assert 0 <= total_variation(before, after) <= 1
    assert total_variation(before, after) == total_variation(after, before)


@given(COUNTS)
def test_nothing_is_as_far_from_itself_as_zero(counts: tuple[list[int], list[int]]) -> None:
    before, _ = counts
    assert psi(before, before) == 0
    assert total_variation(before, before) == 0
    # the same distribution in another number of rows
    assert total_variation(before, [3 * count for count in before]) == 0


@given(COUNTS)
def test_psi_is_the_formula_over_smoothed_shares(counts: tuple[list[int], list[int]]) -> None:
    b, a = ((np.array(side) + 0.5) / (sum(side) + len(side) / 2) for side in counts)
    assert psi(*counts) == pytest.approx(float(((a - b) * np.log(a / b)).sum()), rel=1e-7, abs=1e-9)


@given(COUNTS)
def test_distance_is_the_formula(counts: tuple[list[int], list[int]]) -> None:
    b, a = (np.array(side) / sum(side) for side in counts)
    assert total_variation(*counts) == pytest.approx(float(np.abs(a - b).sum() / 2), abs=1e-8)


@given(COUNTS)
def test_chi_square_is_that_of_scipy(counts: tuple[list[int], list[int]]) -> None:
    pairs = [pair for pair in zip(*counts, strict=True) if any(pair)]
    before, after = ([pair[side] for pair in pairs] for side in (0, 1))
    found = chi_square(before, after)
    expected = stats.chi2_contingency([before, after], correction=False)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-8)
    assert found.degrees_of_freedom == expected.dof == len(pairs) - 1
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-8)
    v = cramers_v(found.statistic, sum(before) + sum(after))
    assert v == pytest.approx(
        stats.contingency.association(np.array([before, after]), method="cramer")
        if len(pairs) > 1
        else 0,
        abs=1e-6,
    )


def test_what_cochran_says_of_few_rows() -> None:
    assert chi_square([100, 100], [90, 110]).reliable
    assert not chi_square([100, 1], [100, 0]).reliable


def test_a_difference_that_matters_to_nobody_is_significant_on_a_million_rows() -> None:
    before, after = [500_000, 500_000], [502_000, 498_000]
    assert chi_square(before, after).p_value < 0.01
    assert psi(before, after) < 0.0001
    assert cramers_v(chi_square(before, after).statistic, 2_000_000) < 0.01


@pytest.mark.parametrize(("n", "m", "bins"), [(2000, 3000, 10), (500, 5000, 5)])
def test_one_in_twenty_pairs_of_samples_exceeds_what_chance_makes(
    n: int, m: int, bins: int
) -> None:
    random = np.random.default_rng(7)
    shares = np.full(bins, 1 / bins)
    pairs = [(random.multinomial(n, shares), random.multinomial(m, shares)) for _ in range(2000)]
    limit = psi_by_chance([n // bins] * bins, [m // bins] * bins)
    above = np.mean([psi(before.tolist(), after.tolist()) > limit for before, after in pairs])
    assert 0.03 < above < 0.07


def test_one_bin_cannot_differ() -> None:
    assert psi_by_chance([5], [7]) == 0
    assert chi_square([5], [7]).p_value == 1
