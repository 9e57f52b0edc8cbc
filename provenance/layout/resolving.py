"""Where an artifact of a compiled pipeline comes from, through nested pipelines.

KFP compiles a nested pipeline, an ``If``, a loop and an exit handler alike: a task whose
component is a graph of its own. Upwards an input leads to the graph around it; downwards an
output leads to one task inside, unless it depends on the run which one or how many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from kfp_provenance.codes import Code
from kfp_provenance.errors import AuthoringError
from kfp_provenance.layout.specification import (
    Component,
    Dag,
    InputArtifact,
    Specification,
    Task,
    pipeline_invalid,
)

_DEPTH = 64


@dataclass(frozen=True)
class Graph:
    """One graph of tasks, as it stands in the graph around it.

    Attributes:
        dag: Its tasks.
        path: Names of the tasks that lead to it.
        task: The task of ``parent`` that it implements; None for the pipeline itself.
        parent: The graph around it.
    """

    dag: Dag
    path: tuple[str, ...] = ()
    task: Task | None = None
    parent: Graph | None = None


@dataclass(frozen=True)
class Leaf:
    """A task that runs something, and the graph that it stands in.

    Attributes:
        graph: Its graph.
        key: Its name there.
        task: The task.
        component: What it runs.
    """

    graph: Graph
    key: str
    task: Task
    component: Component

    @property
    def path(self) -> tuple[str, ...]:
        """Names a task of the specification."""
        return (*self.graph.path, self.key)

    @property
    def name(self) -> str:
        """What the records of a cluster call it."""
        return self.task.task_info.name or self.key


@dataclass(frozen=True)
class Made:
    """An output of a task."""

    leaf: Leaf
    output: str


class Nobody(Enum):
    """Where an input comes from if no task makes it."""

    OUTSIDE = "an argument of the pipeline"
    ABSENT = "an optional input that nothing was passed to"


class Resolver:
    """Follows artifacts through a specification."""

    def __init__(self, specification: Specification) -> None:
        self._components = specification.components
        if specification.root.dag is None:
            raise pipeline_invalid("root", "no graph of tasks")
        self._root = Graph(specification.root.dag)

    def leaves(self) -> Iterator[Leaf]:
        """Every task that runs something."""
        todo = [self._root]
        while todo:
            graph = todo.pop()
            for key, task in graph.dag.tasks.items():
                component = self._component(task)
                if component.dag is None:
                    yield Leaf(graph, key, task, component)
                else:
                    todo.append(self._inside(graph, key, task, component.dag))

    def origin(self, graph: Graph, given: InputArtifact) -> Made | Nobody:
        """The output that an input of a task in ``graph`` is.

        Raises:
            AuthoringError: LAYOUT_UNSUPPORTED if only a run can tell.
        """
        while given.task_output_artifact is None:
            name = given.component_input_artifact or ""
            if graph.parent is None or graph.task is None:
                return Nobody.OUTSIDE
            if (graph.task.artifact_iterator or {}).get("itemInput") == name:
                raise _dynamic(graph.path, "takes one artifact of a list each time it runs")
            passed = graph.task.inputs.artifacts.get(name)
            if passed is None:
                return Nobody.ABSENT
            graph, given = graph.parent, passed
        made = given.task_output_artifact
        return self._made(graph, made.producer_task, made.output_artifact_key)

    def _made(self, graph: Graph, key: str, output: str) -> Made:
        while True:
            path = (*graph.path, key)
            if key not in graph.dag.tasks:
                raise pipeline_invalid(".".join(path), "no such task")
            task = graph.dag.tasks[key]
            check_always_once(path, task)
            component = self._component(task)
            if component.dag is None:
                return Made(Leaf(graph, key, task, component), output)
            selected = component.dag.outputs.artifacts.get(output)
            if selected is None or len(selected.artifact_selectors) != 1:
                raise _dynamic(path, f"decides while it runs which task makes `{output}`")
            (selector,) = selected.artifact_selectors
            graph = self._inside(graph, key, task, component.dag)
            key, output = selector.producer_subtask, selector.output_artifact_key

    def _component(self, task: Task) -> Component:
        name = task.component_ref.name
        if name not in self._components:
            raise pipeline_invalid("components", f"no {name}")
        return self._components[name]

    def _inside(self, graph: Graph, key: str, task: Task, dag: Dag) -> Graph:
        path = (*graph.path, key)
        if len(path) > _DEPTH:
            raise pipeline_invalid(".".join(path[:3]), f"nested deeper than {_DEPTH}")
        return Graph(dag, path, task, graph)


def check_always_once(path: tuple[str, ...], task: Task) -> None:
    """A step of a layout has exactly one link.

    Raises:
        AuthoringError: LAYOUT_UNSUPPORTED if the task may run never, or more than once.
    """
    if task.iterates:
        raise _dynamic(path, "runs once for each item of a list (dsl.ParallelFor)")
    if task.trigger_policy.condition:
        raise _dynamic(path, "runs only if a condition holds (dsl.If)")


def _dynamic(path: tuple[str, ...], what: str) -> AuthoringError:
    return AuthoringError(
        Code.LAYOUT_UNSUPPORTED,
        f"in-toto cannot express this pipeline: a task {what}",
        where="/".join(path),
        expected="tasks that every signed chain has exactly once",
        remedy="judge its chains with `kprov verify` and a trust policy, or sign inside the loop "
        "or condition",
    )
