"""What the component ``ingest`` does, apart from KFP."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from kfp_provenance import declare_source
from kfp_provenance.codes import Code
from kfp_provenance.components._parameters import invalid
from kfp_provenance.components._tables import write_table
from kfp_provenance.components.ingest.reading import detect_format, read
from kfp_provenance.components.ingest.schema import TableSchema, enforce
from kfp_provenance.data.profile import DataProfile, profile_table
from kfp_provenance.errors import StorageError
from kfp_provenance.facts import Digest
from kfp_provenance.hashing import Content
from kfp_provenance.storage import open_storage


@dataclass(frozen=True)
class Source:
    """Bytes from outside, as they were read.

    Attributes:
        uri: Where they were, without credentials.
        content: Digest, kind and size.
        version: Version of the object (GCS generation), if its storage has one.
    """

    uri: str
    content: Content
    version: str


def fetch(uri: str, target: Path, *, expected_digest: str, limit: int) -> Source:
    """Download the raw bytes and check them.

    Args:
        uri: A path, or a ``file:``, ``gs:`` or ``https:`` URI.
        target: File to write.
        expected_digest: ``sha256:<hex>``, or empty to take any bytes.
        limit: Bytes that the object may have.

    Raises:
        ArtifactError: DIGEST_INVALID for a malformed ``expected_digest``.
        StorageError: If it cannot be read, is too large, changes while it is read, or
            (OBJECT_DIGEST_MISMATCH) is not what was expected.
    """
    expected = Digest.parse(expected_digest) if expected_digest else None
    storage = open_storage(uri)
    before = storage.stat()
    content = storage.download(target, limit=limit)
    after = storage.stat()
    if before.version != after.version:
        raise StorageError(
            Code.OBJECT_CHANGED,
            "the object was replaced while it was read",
            where=after.uri,
            expected=before.version,
            found=after.version,
            remedy="run the step again when the object is complete",
        )
    if expected and content.digest != expected:
        raise StorageError(
            Code.OBJECT_DIGEST_MISMATCH,
            "the bytes are not the expected ones",
            where=after.uri,
            expected=str(expected),
            found=str(content.digest),
            remedy="find out who changed the object; pass the new digest if it is right",
        )
    return Source(after.uri, content, after.version)


def ingest_table(
    uri: str,
    dataset: Path,
    profile: Path,
    *,
    form: str,
    expected_digest: str,
    max_bytes: int,
    schema: dict[str, object],
    label: str,
) -> DataProfile:
    """Download, declare, check, profile and write one table.

    Args:
        uri: Where the table is.
        dataset: Parquet file to write.
        profile: JSON file to write.
        form: ``csv``, ``csv.gz``, ``parquet``, or empty to go by the path.
        expected_digest: Digest of the raw bytes, or empty.
        max_bytes: Limit of the raw bytes and of their unpacked content.
        schema: See :class:`~kfp_provenance.components.ingest.schema.TableSchema`.
        label: Column whose distribution the profile shows, or empty.

    Returns:
        The profile.

    Raises:
        DataError: PARAMETER_INVALID, DATA_UNREADABLE or DATA_SCHEMA_VIOLATED.
        StorageError: See :func:`fetch`.
    """
    if max_bytes < 1:
        raise invalid("max_bytes", "must be at least 1", found=max_bytes)
    form = detect_format(uri, form)
    rules = TableSchema.from_parameter(schema)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        source = fetch(uri, raw, expected_digest=expected_digest, limit=max_bytes)
        declare_source("source", uri=source.uri, content=source.content, version=source.version)
        table = enforce(read(raw, form, rules, limit=max_bytes), rules)
    result = profile_table(table, label)
    write_table(table, dataset)
    profile.parent.mkdir(parents=True, exist_ok=True)
    profile.write_bytes(result.to_bytes())
    return result
