"""Thresholds: what a metric must reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import RootModel, model_validator

from kfp_provenance.codes import Code
from kfp_provenance.components._parameters import ParameterModel, invalid, parse
from kfp_provenance.errors import DataError


class Limit(ParameterModel):
    """Least and greatest value of a metric; at least one of them."""

    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _one_end(self) -> Limit:
        if self.minimum is None and self.maximum is None:
            raise ValueError("minimum, maximum or both expected")
        return self

    def holds(self, value: float) -> bool:
        """Whether ``value`` is within."""
        low = self.minimum is None or value >= self.minimum
        return low and (self.maximum is None or value <= self.maximum)

    def __str__(self) -> str:
        ends = []
        if self.minimum is not None:
            ends.append(f"at least {self.minimum:g}")
        if self.maximum is not None:
            ends.append(f"at most {self.maximum:g}")
        return ", ".join(ends)


class _Limits(RootModel[dict[str, Limit]]):
    """The parameter: a limit by name of the metric."""


@dataclass(frozen=True)
class Judged:
    """A metric with its limit.

    Attributes:
        name: Name of the metric.
        value: Its value.
        limit: What it must reach, or None.
    """

    name: str
    value: float
    limit: Limit | None

    @property
    def passed(self) -> bool:
        """Whether the limit holds; true without one."""
        return self.limit is None or self.limit.holds(self.value)


def judge(metrics: Mapping[str, float], thresholds: dict[str, object]) -> tuple[Judged, ...]:
    """Every metric with its limit, in the order of the metrics.

    Raises:
        DataError: PARAMETER_INVALID if a threshold is of a metric that there is not: what
            cannot be measured must not pass.
    """
    limits = parse(_Limits, thresholds, "thresholds").root
    unknown = sorted(set(limits) - set(metrics))
    if unknown:
        raise invalid(
            "thresholds",
            f"this model and data have no metric {', '.join(unknown)}",
            remedy=f"there is: {', '.join(metrics)}",
        )
    return tuple(Judged(name, value, limits.get(name)) for name, value in metrics.items())


def enforce(judged: tuple[Judged, ...]) -> None:
    """Fail if a limit does not hold.

    Raises:
        DataError: METRIC_THRESHOLD_MISSED, naming all of them.
    """
    missed = [item for item in judged if not item.passed]
    if missed:
        raise DataError(
            Code.METRIC_THRESHOLD_MISSED,
            "the model misses its thresholds: " + ", ".join(item.name for item in missed),
            where=f"metric {missed[0].name!r}",
            expected="; ".join(f"{item.name} {item.limit}" for item in missed),
            found="; ".join(f"{item.name} {item.value:.6g}" for item in missed),
            remedy="do not use this model; look at the report, and train a better one",
        )
