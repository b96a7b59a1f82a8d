"""YAML that a person wrote: one mapping, each key once, no aliases; anything else is one clear error."""

from __future__ import annotations

from typing import Any

import yaml

from schemas.job_entry import InputError


class _EachKeyOnce(yaml.SafeLoader):
    """PyYAML keeps the last of two equal keys and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"key {key_node.value!r} stands twice", problem_mark=key_node.start_mark)
                seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def read_mapping(text: str, origin: str) -> dict[str, Any]:
    """The mapping that ``text`` holds; ``origin`` begins the error, for example ``recipe my.yaml``.

    Aliases are refused, since a few bytes of them can stand for gigabytes. Raises InputError.
    """
    try:
        aliased = any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader))
        content = None if aliased else yaml.load(text, Loader=_EachKeyOnce)  # noqa: S506 - a safe loader
    # A date or a number that cannot be one is a ValueError, and brackets without end a RecursionError.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{origin} is not YAML: {' '.join(str(error).split())}") from error
    if aliased:
        raise InputError(f"{origin} uses YAML aliases (*name); write the values out")
    if not isinstance(content, dict):
        raise InputError(f"{origin} holds {type(content).__name__}; wanted a mapping of entries")
    return content
