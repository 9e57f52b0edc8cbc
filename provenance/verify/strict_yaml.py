"""YAML with one meaning: no key twice, no alias, no tag, only the types that TOML has too."""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_DEPTH = 32
MAX_NODES = 200_000
"""Each costs the reader a kilobyte: 4 MiB of the shortest would be gigabytes."""

_TAG = "tag:yaml.org,2002:"
_PLAIN = {
    f"{_TAG}bool": (re.compile(r"true|false", re.IGNORECASE), "yes, no, on and off are not read"),
    f"{_TAG}int": (re.compile(r"[-+]?(?:0|[1-9][0-9]*)"), "numbers are written in decimal"),
    f"{_TAG}null": (re.compile(r"(?!)"), "a field has a value, or is left out"),
}
"""What YAML 1.1 and 1.2 both read as such a value, and the reason to refuse all else."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, stricter."""

    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuse aliases and tags, deep nesting, and more nodes than a policy can have."""
        if self.check_event(yaml.AliasEvent):
            raise ValueError("aliases are not read")
        if self.peek_event().tag is not None:  # type: ignore[no-untyped-call]
            raise ValueError("tags are not read")
        self.depth += 1
        self.nodes += 1
        if self.depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        if self.nodes > MAX_NODES:
            raise ValueError(f"more than {MAX_NODES} values")
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - the library's own signature
        """Refuse what readers of YAML 1.2 take for something else."""
        pattern, reason = _PLAIN.get(node.tag, (None, ""))
        if pattern is not None and not pattern.fullmatch(node.value):
            raise ValueError(f"{node.value[:40]!r}: {reason}" if node.value else reason)
        return super().construct_object(node, deep=deep)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - the library's own signature
        """Refuse a key that occurs twice, and merge keys."""
        keys = [key.value for key, _ in node.value]
        if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
            raise ValueError("merge keys are not read")
        if len(set(map(str, keys))) != len(keys):
            raise ValueError("a key occurs twice in one table")
        return super().construct_mapping(node, deep=deep)


def load_yaml(text: str) -> object:
    """Parse one document.

    Args:
        text: YAML; the caller limits its length.

    Raises:
        ValueError: If it is not YAML, or not with exactly one meaning.
    """
    try:
        loader = _Loader(text)  # a control character fails here already
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
