"""The evaluation as one HTML page: everything inside, no script, equal bytes for equal input."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from kfp_provenance.components.evaluate import charts
from kfp_provenance.components.evaluate.scoring import Classification, Regression
from kfp_provenance.components.evaluate.thresholds import Judged

MAX_SHOWN = 25
_TEMPLATE = Path(__file__).with_name("page.html.j2")


@dataclass(frozen=True)
class Figure:
    """A picture with its heading and a sentence on how to read it."""

    title: str
    svg: Markup
    note: str


@dataclass(frozen=True)
class Subject:
    """What was evaluated, and on what."""

    estimator: str
    label: str
    rows: int
    features: int


def render(
    subject: Subject, result: Classification | Regression, judged: tuple[Judged, ...]
) -> str:
    """The page.

    Args:
        subject: What was evaluated.
        result: Metrics and curves.
        judged: The metrics with their thresholds.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    limited = [item for item in judged if item.limit]
    values: dict[str, object] = {
        **vars(subject),
        "judged": judged,
        "limits": len(limited),
        "missed": sum(not item.passed for item in limited),
        "positive": "",
        "note": "",
        "classes": (),
        "matrix": (),
    }
    if isinstance(result, Classification):
        values |= _classification(result)
    else:
        values |= {"figures": _regression_figures(result, subject.label)}
    return template.render(values) + "\n"


def _classification(result: Classification) -> dict[str, object]:
    two = len(result.classes) == 2  # noqa: PLR2004
    note = (
        "precision, recall and f1 are of the positive class; base_rate is its share."
        if two
        else "precision, recall, f1 and roc_auc are means over the classes; base_rate is the "
        "share of the most frequent class."
    )
    shown = len(result.classes) <= MAX_SHOWN
    return {
        "positive": result.classes[1] if two else "",
        "note": note if shown else f"{note} The confusion matrix has too many classes to show.",
        "classes": result.classes if shown else (),
        "matrix": _matrix(result) if shown else (),
        "figures": _classification_figures(result),
    }


def _matrix(result: Classification) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for name, counts in zip(result.classes, result.matrix, strict=True):
        total = max(sum(counts), 1)
        cells = [{"count": count, "share": count / total} for count in counts]
        rows.append({"name": name, "cells": cells})
    return rows


def _classification_figures(result: Classification) -> list[Figure]:
    figures = []
    if result.curves:
        lines = [charts.Series(curve.name, curve.fpr, curve.tpr) for curve in result.curves]
        svg = charts.line_chart(
            "ROC curve",
            lines,
            charts.share_axis("false positive rate"),
            charts.share_axis("true positive rate"),
            dots=False,
        )
        area = result.metrics["roc_auc"]
        note = f"The area under the curve is {area:.4f}; the dashed line is chance, 0.5."
        if len(lines) > 1:
            note = f"Each class against the rest. The mean area is {area:.4f}; chance is 0.5."
        figures.append(Figure("ROC curve", svg, note))
    if result.calibration:
        line = charts.Series("model", result.calibration.predicted, result.calibration.observed)
        svg = charts.line_chart(
            "Calibration",
            [line],
            charts.share_axis("predicted probability"),
            charts.share_axis("share that came true"),
            dots=True,
        )
        note = "Ten bins of equally many rows; on the dashed line, probabilities are what they say."
        figures.append(Figure("Calibration", svg, note))
    return figures


def _regression_figures(result: Regression, label: str) -> list[Figure]:
    ends = [*result.actual, *result.predicted]
    scatter = charts.scatter_chart(
        "Predicted and actual values",
        list(zip(result.actual, result.predicted, strict=True)),
        charts.Axis.over(f"actual {label}", ends),
        charts.Axis.over(f"predicted {label}", ends),
    )
    residuals = charts.histogram(
        "Residuals", result.edges, result.counts, "predicted less actual", "rows"
    )
    sample = f"{len(result.actual)} rows, evenly taken; on the dashed line, predictions are right."
    return [
        Figure("Predicted and actual", scatter, sample),
        Figure("Residuals", residuals, "All test rows; right of zero, the model says too much."),
    ]
