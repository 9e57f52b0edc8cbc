"""Rows of ML Metadata, changed behind its back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.drill.scenes import Scene

INPUT, OUTPUT = 3, 4
"""Types of an event."""


@dataclass(frozen=True)
class Records:
    """The rows of one run.

    Attributes:
        scene: Whose store it is.
        run: Id of the run.
    """

    scene: Scene
    run: str

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.scene.database) as connection:
            return connection.execute(statement, values).fetchall()

    def change(self, statement: str, *values: object) -> None:
        """A statement that must change something."""
        assert self.scene.sql(statement, *values) > 0, statement

    def step(self, task: str) -> int:
        """Row of a step."""
        ((row,),) = self.rows(
            "select t.execution_id from ExecutionProperty t join ExecutionProperty r "
            "on r.execution_id = t.execution_id and r.name = 'run' and r.string_value = ? "
            "where t.name = 'task' and t.string_value = ?",
            self.run, task,
        )  # fmt: skip
        return int(row)

    def event(self, task: str, kind: int, port: str) -> tuple[int, int]:
        """Row of an event, and of its artifact."""
        ((event, artifact),) = self.rows(
            "select e.id, e.artifact_id from Event e join EventPath p on p.event_id = e.id "
            "where e.execution_id = ? and e.type = ? and json_extract(p.step_key, '$.name') = ?",
            self.step(task), kind, port,
        )  # fmt: skip
        return int(event), int(artifact)

    def artifact(self, task: str, output: str) -> int:
        """Row of an output."""
        return self.event(task, OUTPUT, output)[1]

    # --- changes

    def set_step(self, task: str, name: str, value: str) -> None:
        """A property of a step."""
        where = "where execution_id = ? and name = ?"
        self.change(
            f"update ExecutionProperty set string_value = ? {where}", value, self.step(task), name
        )

    def get_step(self, task: str, name: str) -> str:
        """A property of a step."""
        ((text,),) = self.rows(
            "select string_value from ExecutionProperty where execution_id = ? and name = ?",
            self.step(task), name,
        )  # fmt: skip
        return str(text)

    def edit_step(self, task: str, name: str, old: str, new: str) -> None:
        """A part of a property of a step."""
        before = self.get_step(task, name)
        assert old in before
        self.set_step(task, name, before.replace(old, new, 1))

    def set_artifact(self, task: str, output: str, name: str, value: str) -> None:
        """A property of an output; its URI too."""
        row = self.artifact(task, output)
        if name == "uri":
            self.change("update Artifact set uri = ? where id = ?", value, row)
        else:
            where = "where artifact_id = ? and name = ?"
            self.change(f"update ArtifactProperty set string_value = ? {where}", value, row, name)

    def drop_event(self, task: str, kind: int, port: str) -> None:
        event, _ = self.event(task, kind, port)
        self.change("delete from EventPath where event_id = ?", event)
        self.change("delete from Event where id = ?", event)

    def set_event(self, task: str, kind: int, port: str, column: str, value: int) -> None:
        event, _ = self.event(task, kind, port)
        self.change(f"update Event set {column} = ? where id = ?", value, event)

    def edit_path(self, task: str, kind: int, port: str, **fields: object) -> None:
        """What an event says of its input or output."""
        event, _ = self.event(task, kind, port)
        ((text,),) = self.rows("select step_key from EventPath where event_id = ?", event)
        changed = json.dumps({**json.loads(text), **fields}, separators=(",", ":"))
        self.change("update EventPath set step_key = ? where event_id = ?", changed, event)

    def add_input(self, task: str, artifact: int, name: str, **origin: object) -> None:
        """One more input of a step."""
        path = {"name": name, "index": 0, "origin": "source", "producer": "", "output": "",
                "output_index": 0, **origin}  # fmt: skip
        self.change(
            "insert into Event (artifact_id, execution_id, type, milliseconds_since_epoch) "
            "values (?, ?, ?, 0)",
            artifact, self.step(task), INPUT,
        )  # fmt: skip
        ((event,),) = self.rows("select max(id) from Event")
        self.change(
            "insert into EventPath (event_id, is_index_step, step_index, step_key) "
            "values (?, 0, null, ?)",
            event, json.dumps(path, separators=(",", ":")),
        )  # fmt: skip

    def drop_step(self, task: str) -> None:
        row = self.step(task)
        for table in ("Event", "Association", "ExecutionProperty"):
            self.change(f"delete from {table} where execution_id = ?", row)
        self.change("delete from Execution where id = ?", row)

    def empty(self) -> None:
        """All rows of all runs."""
        for table in ("Execution", "Artifact", "Event", "Attribution", "Association"):
            self.change(f"delete from {table}")


Change = Callable[[Records], object]
