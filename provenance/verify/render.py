"""The chain for people (a tree of text) and for machines (JSON)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kfp_provenance.attest.printable import printable as _shown
from kfp_provenance.attest.statement import timestamp
from kfp_provenance.facts import Input, Step
from kfp_provenance.lineage.checks import artifact_label
from kfp_provenance.verify.view import ChainView, input_key


@dataclass(frozen=True)
class TreeLine:
    """One line of the tree.

    Attributes:
        prefix: The lines of the drawing, to be shown as they are.
        kind: What the line is about, for styling.
        label: Name of the artifact or task.
        detail: Digest, or step and run, or where a root comes from.
    """

    prefix: str
    kind: Literal["artifact", "step", "root"]
    label: str
    detail: str

    def __str__(self) -> str:
        return f"{self.prefix}{self.label}  {self.detail}"


def lineage_tree(view: ChainView) -> tuple[TreeLine, ...]:
    """Subjects, the steps that made them, their inputs, down to the roots.

    A step that several artifacts come from is drawn once and referred to after that.
    """
    tree = _Tree(view)
    for subject in view.subjects:
        label = artifact_label(subject.output, subject.output_index)
        if subject.name != subject.output:
            label += f" ({artifact_label(subject.name, subject.index)})"
        tree.lines.append(TreeLine("", "artifact", _shown(label), f"{subject.artifact.digest}"))
        tree.draw(subject.producer)
    return tuple(tree.lines)


def render_text(view: ChainView) -> str:
    """The tree as plain text, with a heading and without a newline at the end."""
    summary = view.summary
    heading = [
        f"run {_shown(summary.run)} of pipeline {_shown(summary.pipeline)}",
        f"signed {timestamp(summary.time)} by {_shown(', '.join(view.signers))}",
        f"as {_shown(summary.verifier)}",
    ]
    if summary.reused_runs:
        heading.append(f"with steps of {_shown(', '.join(summary.reused_runs))}")
    return "\n".join([*heading, "", *map(str, lineage_tree(view))])


def view_to_json(view: ChainView) -> dict[str, object]:
    """The chain as JSON values: subjects, steps with their links, roots."""
    summary = view.summary
    return {
        "run": summary.run,
        "pipeline": {"name": summary.pipeline, "digest": summary.pipeline_digest},
        "signedBy": list(view.signers),
        "builder": summary.verifier,
        "signedOn": timestamp(summary.time),
        "levels": list(summary.levels),
        "reusedRuns": list(summary.reused_runs),
        "subjects": [
            {
                "name": artifact_label(subject.name, subject.index),
                "digest": str(subject.artifact.digest),
                "uri": subject.artifact.uri,
                "step": subject.producer,
                "output": artifact_label(subject.output, subject.output_index),
            }
            for subject in view.subjects
        ],
        "steps": [_step_json(view, step) for step in view.steps.values()],
        "roots": [
            {
                "step": root.step,
                "input": artifact_label(root.input, root.index),
                "digest": str(root.digest),
                "uri": root.uri,
                "declaredBy": str(root.declared_by),
            }
            for root in view.roots
        ],
        "unread": [{"digest": str(a.digest), "uri": a.uri} for a in summary.stored.unread],
    }


def _step_json(view: ChainView, step: Step) -> dict[str, object]:
    return {
        "id": step.id,
        "run": step.run,
        "task": step.task,
        "component": step.component.name,
        "startedOn": timestamp(step.started),
        "finishedOn": timestamp(step.finished),
        "inputs": [_input_json(view, step, given) for given in step.inputs],
        "outputs": [
            {
                "name": artifact_label(output.name, output.index),
                "digest": str(output.artifact.digest),
                "uri": output.artifact.uri,
            }
            for output in step.outputs
        ],
    }


def _input_json(view: ChainView, step: Step, given: Input) -> dict[str, object]:
    link = view.links.get(input_key(step.id, given))
    return {
        "name": artifact_label(given.name, given.index),
        "digest": str(given.artifact.digest),
        "uri": given.artifact.uri,
        "step": link.producer if link else None,
        "output": artifact_label(link.output, link.index) if link else None,
    }


class _Tree:
    """Depth first with a stack: a chain may be thousands of steps deep."""

    def __init__(self, view: ChainView) -> None:
        self.lines: list[TreeLine] = []
        self._view = view
        self._drawn: set[str] = set()

    def draw(self, producer: str) -> None:
        """Draw the step that made the artifact of the last line, and all before it."""
        stack: list[tuple[str, bool, Step | None, Input | None, str]] = []
        self._step("", producer, stack)
        while stack:
            prefix, last, step, given, root = stack.pop()
            if step is None or given is None:
                self.lines.append(TreeLine(f"{prefix}└─ ", "root", "root", root))
                continue
            label = _shown(artifact_label(given.name, given.index))
            digest = str(given.artifact.digest)
            branch = "└─ " if last else "├─ "
            self.lines.append(TreeLine(prefix + branch, "artifact", label, digest))
            below = prefix + ("   " if last else "│  ")
            link = self._view.links.get(input_key(step.id, given))
            if link is not None:
                self._step(below, link.producer, stack)
            else:
                stack.append((below, True, None, None, self._root_text(given)))

    def _step(
        self,
        prefix: str,
        producer: str,
        stack: list[tuple[str, bool, Step | None, Input | None, str]],
    ) -> None:
        step = self._view.steps.get(producer)
        if step is None:
            text = f"{_shown(producer)} is not in the bundle"
            self.lines.append(TreeLine(f"{prefix}└─ ", "step", "missing step", text))
            return
        again = ", see above" if step.id in self._drawn else ""
        # the heading names the run; a step that came from the cache names its own
        elsewhere = f" of run {_shown(step.run)}" if step.run != self._view.summary.run else ""
        detail = f"step {_shown(step.id)}{elsewhere}{again}"
        self.lines.append(TreeLine(f"{prefix}└─ ", "step", _shown(step.task), detail))
        if again:
            return
        self._drawn.add(step.id)
        below = prefix + "   "
        for position, given in reversed(list(enumerate(step.inputs, start=1))):
            stack.append((below, position == len(step.inputs), step, given, ""))

    def _root_text(self, given: Input) -> str:
        by = "read by the step" if given.origin == "source" else "declared by the signer"
        return f"{_shown(given.artifact.uri) or 'no location'} ({by})"
