"""Two tables on disk, compared."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kfp_provenance.data.tables import TableDifference, compare_tables


class TableDesk:
    """Two files to compare; every comparison must account for every row."""

    def __init__(self, folder: Path) -> None:
        self.before, self.after = folder / "before", folder / "after"

    def compare(self, before: object, after: object, **arguments: object) -> TableDifference:
        for table, path in ((before, self.before), (after, self.after)):
            pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), path)
        found = compare_tables(self.before, self.after, **arguments)  # type: ignore[arg-type]
        rows = found.rows
        kept = rows.unchanged + rows.changed
        assert rows.before == kept + rows.removed + rows.unmatched_before
        assert rows.after == kept + rows.added + rows.unmatched_after
        return found
