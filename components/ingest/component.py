"""The component ``ingest``."""

from kfp.dsl import Artifact, Dataset, Output

from kfp_provenance import component
from kfp_provenance.components._image import BASE_IMAGE


@component(base_image=BASE_IMAGE, install_kfp_package=False)
def ingest(
    uri: str,
    dataset: Output[Dataset],
    profile: Output[Artifact],
    format: str = "",
    expected_digest: str = "",
    max_bytes: int = 2_147_483_648,
    schema: dict = {},
    label: str = "",
):
    """Read a table from outside, check it, and write it as Parquet with a data profile.

    The raw bytes are recorded as a root of the lineage: their digest, their address and,
    for an object in GCS, its generation. The same bytes and parameters give the same
    data set and the same profile, byte for byte.

    Args:
        uri: A path, or a `file:`, `gs:` or `https:` URI, of a CSV or Parquet file.
        dataset: The table as Parquet. Cells that mean "no value" (empty, NA, N/A, NaN, NULL)
            are nulls.
        profile: Rows, columns, types, nulls, ranges, distinct values and the distribution of
            the label, as canonical JSON.
        format: `csv`, `csv.gz` or `parquet`; empty goes by the ending of the path.
        expected_digest: `sha256:<hex>` of the raw bytes; anything else is refused. Empty takes
            any bytes and records what they were.
        max_bytes: Largest size of the raw bytes, and of their unpacked content.
        schema: `{"columns": [{"name", "type", "nullable", "allowed", "minimum", "maximum"}],
            "extra_columns": "refuse" | "drop" | "keep", "key": [...]}`; `type` is one of string,
            integer, number, boolean, datetime, category. `key` are the columns that name a row;
            the data set carries them for `kprov diff`. A broken rule fails the step and names
            the column, the first rows and how many there are. Empty checks nothing.
        label: Column whose distribution the profile shows.
    """
    import json
    from pathlib import Path

    from kfp_provenance.components.ingest.ingesting import ingest_table

    result = ingest_table(
        uri,
        Path(dataset.path),
        Path(profile.path),
        form=format,
        expected_digest=expected_digest,
        max_bytes=int(max_bytes),
        schema=schema,
        label=label,
    )
    dataset.metadata["format"] = "parquet"
    dataset.metadata["rows"] = str(result.rows)
    dataset.metadata["columns"] = str(len(result.columns))
    if schema.get("key"):
        dataset.metadata["key"] = json.dumps(schema["key"])
    profile.metadata["format"] = "json"
