"""From which value to which."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from kfp_provenance.data.profile import MAX_VALUES
from kfp_provenance.data.rows import differing
from kfp_provenance.data.table_difference import Transition
from kfp_provenance.data.values import stored_cell

MAX_TRANSITIONS = 20


def transitions_of(before: pa.ChunkedArray, after: pa.ChunkedArray) -> tuple[Transition, ...]:
    """The most frequent changes, most frequent first, then by value.

    None of a label with more values than a profile names: that is a number to predict, and
    the changes would be cells of the data.

    Args:
        before: A column without nulls.
        after: The same rows later.
    """
    if any(pc.count_distinct(column).as_py() > MAX_VALUES for column in (before, after)):
        return ()
    changed = pa.array(differing(before, after))
    table = pa.table({"before": before, "after": after}).filter(changed)
    counted = table.group_by(["before", "after"]).aggregate([([], "count_all")])
    order = [("count_all", "descending"), ("before", "ascending"), ("after", "ascending")]
    return tuple(
        Transition(stored_cell(row["before"]), stored_cell(row["after"]), row["count_all"])
        for row in counted.sort_by(order).slice(0, MAX_TRANSITIONS).to_pylist()
    )
