"""The environment variables that the YAML files of a dbt project ask for with `env_var()`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from jinja2 import Environment, nodes
from jinja2.exceptions import TemplateSyntaxError

from deploy_project.config import small_files
from deploy_project.config.files.documents import parsed
from deploy_project.config.files.limited_yaml import UnreadableError

FILES = ("dbt_project.yml", "packages.yml", "selectors.yml")
"""The files that dbt renders, beside profiles.yml; it takes dependencies.yml as it is written."""
_AS_WRITTEN = "vars"  # of dbt_project.yml; dbt renders everything else, hooks when they run
_PERHAPS = (nodes.CondExpr, nodes.If, nodes.For, nodes.And, nodes.Or)


@dataclass(frozen=True)
class EnvVarCall:
    """A call of `env_var()`: a variable that is asked for."""

    name: str
    needed: bool
    """Whether dbt fails without it: it has no default, and stands under no condition."""


def in_project(directory: Path) -> Iterator[tuple[str, EnvVarCall]]:
    """Yield each call of `env_var()` with the name of its file; profiles.yml is left out.

    The files are those in `directory`, the dbt project's. One that can't be read has no calls: dbt
    reports its fault.
    """
    for name in FILES:
        content = _content(directory / name)
        if isinstance(content, dict):
            entries = cast(dict[Any, Any], content).items()
            kept = {key: value for key, value in entries if key != _AS_WRITTEN}
            yield from ((name, each) for each in asked(kept))


def asked(value: Any) -> Iterator[EnvVarCall]:
    """Yield each call of `env_var()` in the texts of `value`, which is anything YAML can hold."""
    if isinstance(value, str):
        yield from _in_text(value)
    elif isinstance(value, Mapping):
        for each in cast(Mapping[Any, Any], value).values():
            yield from asked(each)
    elif isinstance(value, list):
        for each in cast(list[Any], value):
            yield from asked(each)


def _content(path: Path) -> Any:
    try:
        return parsed(path, small_files.text_of(path)).data
    except (small_files.NoTextError, UnreadableError):
        return None


def _in_text(text: str) -> Iterator[EnvVarCall]:
    if "env_var" not in text:
        return
    try:
        tree = Environment(extensions=["jinja2.ext.do"]).parse(text)  # noqa: S701 - not rendered
    except (TemplateSyntaxError, RecursionError):
        return
    perhaps = {id(call) for node in tree.find_all(_PERHAPS) for call in node.find_all(nodes.Call)}
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "env_var":
            given = dict(zip(("var", "default"), call.args, strict=False))
            given |= {each.key: each.value for each in call.kwargs}
            name, default = given.get("var"), given.get("default", nodes.Const(None))
            if isinstance(name, nodes.Const) and isinstance(name.value, str):
                has_none = isinstance(default, nodes.Const) and default.value is None
                yield EnvVarCall(name.value, has_none and id(call) not in perhaps)
