"""MLMD's own tables, as far as lineage reads them (schema version 10, MLMD 1.17)."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

SCHEMA_VERSION: Final = 10
EXECUTION_KIND, ARTIFACT_KIND, CONTEXT_KIND = 0, 1, 2  # Type.type_kind

_metadata = sa.MetaData()


def _properties(table: str, owner: str) -> sa.Table:
    return sa.Table(
        table,
        _metadata,
        sa.Column(owner, sa.Integer, primary_key=True),
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("is_custom_property", sa.SmallInteger, primary_key=True),
        sa.Column("string_value", sa.Text),
    )


environment = sa.Table("MLMDEnv", _metadata, sa.Column("schema_version", sa.Integer))
types = sa.Table(
    "Type",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(255)),
    sa.Column("version", sa.String(255)),
    sa.Column("type_kind", sa.SmallInteger),
)
artifacts = sa.Table(
    "Artifact",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("type_id", sa.Integer),
    sa.Column("uri", sa.Text),
    sa.Column("external_id", sa.String(255)),
    sa.Column("create_time_since_epoch", sa.BigInteger),
)
executions = sa.Table(
    "Execution",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("type_id", sa.Integer),
    sa.Column("last_known_state", sa.Integer),
    sa.Column("name", sa.String(255)),
    sa.Column("create_time_since_epoch", sa.BigInteger),
    sa.Column("last_update_time_since_epoch", sa.BigInteger),
)
contexts = sa.Table(
    "Context",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("type_id", sa.Integer),
    sa.Column("name", sa.String(255)),
)
events = sa.Table(
    "Event",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("artifact_id", sa.Integer),
    sa.Column("execution_id", sa.Integer),
    sa.Column("type", sa.Integer),
    sa.Column("milliseconds_since_epoch", sa.BigInteger),
)
event_paths = sa.Table(
    "EventPath",
    _metadata,
    sa.Column("event_id", sa.Integer),
    sa.Column("is_index_step", sa.SmallInteger),
    sa.Column("step_index", sa.Integer),
    sa.Column("step_key", sa.Text),
)
associations = sa.Table(
    "Association",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("context_id", sa.Integer),
    sa.Column("execution_id", sa.Integer),
)
artifact_properties = _properties("ArtifactProperty", "artifact_id")
execution_properties = _properties("ExecutionProperty", "execution_id")
context_properties = _properties("ContextProperty", "context_id")
