"""Typed pandas frames: the same columns and types whether there are rows or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import pandas as pd

TIME: Final = "datetime64[us, UTC]"
RUN_COLUMNS: Final = {
    "run": "string", "pipeline": "string", "namespace": "string", "steps": "Int64",
    "failed": "Int64", "started": TIME, "finished": TIME,
}  # fmt: skip
STEP_COLUMNS: Final = {
    "step": "string", "run": "string", "task": "string", "pipeline": "string",
    "namespace": "string", "component": "string", "outcome": "category", "started": TIME,
    "finished": TIME, "seconds": "Float64",
}  # fmt: skip
ARTIFACT_COLUMNS: Final = {
    "digest": "string", "name": "string", "type": "category", "size": "Int64", "uri": "string",
    "run": "string", "task": "string", "pipeline": "string", "namespace": "string",
    "created": TIME,
}  # fmt: skip
TRACE_COLUMNS: Final = {
    "distance": "Int64", "digest": "string", "name": "string", "type": "category",
    "size": "Int64", "uri": "string", "run": "string", "task": "string", "pipeline": "string",
    "namespace": "string", "component": "string", "outcome": "category", "started": TIME,
    "finished": TIME,
}  # fmt: skip
IMPACT_COLUMNS: Final = {
    "digest": "string", "name": "string", "type": "category", "size": "Int64", "uri": "string",
    "run": "string", "task": "string", "pipeline": "string", "namespace": "string",
    "created": TIME, "published": "string", "serving": "boolean", "deployments": "string",
}  # fmt: skip
CAUSE_COLUMNS: Final = {
    "kind": "category", "title": "string", "tasks": "string", "name": "string",
    "column": "string", "before": "string", "after": "string", "score": "Float64",
    "why": "string",
}  # fmt: skip
VALUE_COLUMNS: Final = {
    "run": "string", "pipeline": "string", "task": "string", "name": "string",
    "value": "Float64", "text": "string", "finished": TIME,
}  # fmt: skip


def frame(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    """A frame of exactly these columns and types.

    Args:
        rows: A value for each column; None where there is none.
        columns: Name and pandas type of each column, in order.
    """
    collected = list(rows)
    data = {
        name: pd.Series([row[name] for row in collected], dtype=kind)
        if kind != TIME
        else pd.to_datetime(pd.Series([row[name] for row in collected], dtype=object), utc=True)
        .astype(TIME)
        for name, kind in columns.items()
    }  # fmt: skip
    return pd.DataFrame(data)
