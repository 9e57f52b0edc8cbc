"""A lineage graph in the DOT language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from kfp_provenance.lineage.views import Graph

_SHAPES = {"system.Model": "component", "system.Dataset": "cylinder"}


def dot_text(graph: Graph) -> str:
    """The graph as DOT: steps are boxes, artifacts have the shape of their type.

    Args:
        graph: What to draw.

    Returns:
        Text for ``dot -Tsvg``; what comes from the store is quoted.
    """
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield "digraph lineage {"
    yield "  rankdir=LR;"
    yield '  node [fontname="sans-serif", fontsize=11];'
    for step in graph.steps:
        label = f"{step.task}\n{step.run}"
        yield f"  {_quoted(step.key)} [shape=box, style=rounded, label={_quoted(label)}];"
    for node in graph.artifacts:
        shape = _SHAPES.get(node.type, "note")
        short = node.digest.short if node.digest else node.key
        bold = ", penwidth=2" if node.key in graph.starts else ""
        label = _quoted(f"{node.name}\n{short}")
        yield f"  {_quoted(node.key)} [shape={shape}, label={label}{bold}];"
    for link in graph.links:
        ends = (link.step, link.artifact) if link.output else (link.artifact, link.step)
        yield f"  {_quoted(ends[0])} -> {_quoted(ends[1])} [tooltip={_quoted(link.name)}];"
    if graph.more_steps:
        yield f'  more [shape=plaintext, label="{graph.more_steps} more steps"];'
    yield "}"


def _quoted(text: str) -> str:
    """A quoted string: in it only the quote and the backslash mean something."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{"".join(c if c.isprintable() else "?" for c in escaped)}"'
