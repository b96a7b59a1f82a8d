"""Texts of the shipped recipes, and changes to them, for tests of what a recipe may say."""

from __future__ import annotations

import copy
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from spark_jobs.recipe import read_recipe

SHIPPED = ("demo", "gen5", "realistic")


def shipped_text(name: str) -> str:
    """The YAML text of a recipe that comes with the package."""
    return (files("spark_jobs") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")


def changed(old: str, new: str, name: str = "realistic") -> str:
    """The text with its one place of ``old`` replaced."""
    text = shipped_text(name)
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}.yaml"
    return text.replace(old, new)


@cache
def shipped(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(read_recipe(name).as_yaml())
    return content


def whole(name: str) -> dict[str, Any]:
    """A shipped recipe with its base, as plain content of one's own."""
    return copy.deepcopy(shipped(name))
