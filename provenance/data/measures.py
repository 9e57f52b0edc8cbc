"""How far apart two distributions are, from their counts in the same bins.

The bins come from elsewhere (``binning.py``). Every measure takes the counts of the table
before and of the table after, in the same order, neither of them all zero.

What they are good for. The chi-square test asks whether chance alone can have made the
difference. Between tables of a million rows nearly any difference is too large for chance, and
the p-value is small for differences that matter to nobody (Lin, Lucas and Shmueli, Too big to
fail: large samples and the p-value problem, Information Systems Research 24, 2013; for this
very use: du Pisanie, Allison, Budde and Visagie, A critical review of existing and new
population stability testing procedures in credit risk scoring, arXiv:2303.01227, 2023). The
population stability index (PSI) and Cramér's V measure the size of the difference instead;
limits are set on the former. Between tables of a few hundred rows it is the other way around:
chance alone makes a PSI that looks large, and :func:`psi_by_chance` says how large.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SMALL_PSI = 0.1
LARGE_PSI = 0.25
"""Below 0.1 a population has not changed much, above 0.25 it has: a rule of thumb (Siddiqi,
Credit Risk Scorecards, Wiley, 2006) from large tables in about ten bins."""

_SMOOTHING = 0.5
_CONFIDENCE = 0.95
_COCHRAN_EXPECTED, _COCHRAN_SHARE = 5.0, 0.2
_SIGNIFICANT = 9

Counts = Sequence[int]


@dataclass(frozen=True)
class ChiSquare:
    """Pearson's test that both tables come from one distribution.

    Attributes:
        statistic: Without Yates's correction.
        degrees_of_freedom: Bins less one.
        p_value: Probability of such a statistic or a larger one if they do; 0.0 stands for
            less than a double can hold.
        reliable: Whether the approximation holds: no expected count below 1, and at most a
            fifth of them below 5 (Cochran, Some methods for strengthening the common
            chi-square tests, Biometrics 10, 1954).
    """

    statistic: float
    degrees_of_freedom: int
    p_value: float
    reliable: bool


def psi(before: Counts, after: Counts) -> float:
    """Population stability index: the sum of (a - b) ln(a / b) over the bins, 0 or more.

    b and a are the shares of a bin before and after. It is the symmetric divergence of
    Jeffreys (An invariant form for the prior probability in estimation problems, Proceedings
    of the Royal Society A 186, 1946; Kullback and Leibler, On information and sufficiency,
    Annals of Mathematical Statistics 22, 1951); as PSI it stands in Siddiqi (2006).

    An empty bin would make it infinite. So half a row is added to every bin of both tables:
    the share becomes (count + 1/2) / (rows + bins / 2), its mean after the data under
    Jeffreys' prior (Krichevsky and Trofimov, The performance of universal encoding, IEEE
    Transactions on Information Theory 27, 1981). It is done to all bins, not only where one
    is empty, so that the measure does not jump when a bin loses its last row.
    """
    total = 0.0
    for b, a in zip(_shares(before), _shares(after), strict=True):
        total += (a - b) * math.log(a / b)
    return rounded(total)


def _shares(counts: Counts) -> list[float]:
    rows = sum(counts) + _SMOOTHING * len(counts)
    return [(count + _SMOOTHING) / rows for count in counts]


def psi_by_chance(before: Counts, after: Counts) -> float:
    """PSI that 1 in 20 pairs of such tables exceeds although nothing has changed.

    If both tables are samples of one distribution, PSI / (1/n + 1/m) is distributed as
    chi-square with one degree of freedom less than there are bins, for large n and m (Yurdakul
    and Naranjo, Statistical properties of the population stability index, Journal of Risk
    Model Validation 14, 2020). The value is the 95 % quantile of that.
    """
    from scipy.stats import chi2  # noqa: PLC0415 - it loads for half a second

    if len(before) < 2:  # noqa: PLR2004 - one bin holds everything
        return 0.0
    scale = 1 / sum(before) + 1 / sum(after)
    return rounded(float(chi2.ppf(_CONFIDENCE, len(before) - 1)) * scale)


def chi_square(before: Counts, after: Counts) -> ChiSquare:
    """Pearson's test of homogeneity (``scipy.stats.chi2_contingency``).

    Bins that are empty in both tables must have been left out.
    """
    from scipy.stats import chi2_contingency  # noqa: PLC0415 - it loads for half a second

    result = chi2_contingency(np.array([before, after], dtype=np.float64), correction=False)
    expected = np.asarray(result.expected_freq)
    few = float((expected < _COCHRAN_EXPECTED).mean())
    return ChiSquare(
        statistic=rounded(float(result.statistic)),
        degrees_of_freedom=int(result.dof),
        p_value=rounded(float(result.pvalue)),
        reliable=bool(expected.min() >= 1.0 and few <= _COCHRAN_SHARE),
    )


def cramers_v(statistic: float, rows: int) -> float:
    """Cramér's V of two tables: the square root of chi-square / rows, 0 to 1.

    The size of the effect that the test found, whatever the number of rows (Cramér,
    Mathematical Methods of Statistics, Princeton, 1946, chapter 21); with two tables the
    smaller dimension less one, by which it divides, is 1.

    Args:
        statistic: Pearson's chi-square.
        rows: Of both tables together.
    """
    return rounded(min(math.sqrt(statistic / rows), 1.0))


def total_variation(before: Counts, after: Counts) -> float:
    """Total variation distance: half the sum of the differences of the shares, 0 to 1.

    The least share of rows that must have moved to another bin to make one distribution of
    the other (the coupling inequality: Levin, Peres and Wilmer, Markov Chains and Mixing
    Times, 2009, proposition 4.7). Rows that changed places are not seen by it.
    """
    n, m = sum(before), sum(after)
    # whole numbers until the last division: exact, and 0 for equal distributions
    moved = sum(abs(b * m - a * n) for b, a in zip(before, after, strict=True))
    return rounded(moved / (2 * n * m))


def rounded(value: float) -> float:
    """To 9 significant digits: the last ones of a logarithm depend on the C library."""
    return float(f"{value:.{_SIGNIFICANT}g}")
