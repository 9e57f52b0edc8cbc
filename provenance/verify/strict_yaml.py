"""YAML with one meaning: no key twice, no alias, no tag, only the types that TOML has too."""

from __future__ import annotations

from typing import Any

import yaml

MAX_DEPTH = 32


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, stricter."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Refuse aliases, which can make a small file large, and deep nesting."""
        if self.check_event(yaml.AliasEvent):
            raise ValueError("aliases are not read")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

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
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    finally:
        loader.dispose()
