"""Jinja of profiles.yml, dbt_project.yml and packages files, rendered in a sandbox as dbt does."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from jinja2 import StrictUndefined, nodes
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from deploy_project.errors import ConfigError

_MARKS = ("{{", "{%", "{#")
_LARGEST, _SMALL = 100_000, 16
_WIDE = re.compile(r"[0-9]{5,}|\*")
_FAILURES = (
    *(TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError),
    *(AttributeError, AssertionError),
)


@dataclass(frozen=True)
class Rendering:
    """The values that Jinja of a project's YAML files may ask for.

    As in dbt, `env_var()` is an error for a variable that is not there and has no default, and
    `var()` knows nothing but its default, since no command line gives one.
    https://docs.getdbt.com/reference/dbt-jinja-functions/env_var
    """

    variables: Mapping[str, str]
    """Those that dbt will see."""
    target: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The output under its name; dbt_project.yml may ask for it, profiles.yml may not."""

    def text(self, text: str, *, where: str) -> str:
        """Return `text` rendered; raise `ConfigError` naming `where` when it can't be."""
        if not any(mark in text for mark in _MARKS):
            return text
        target = self.target or StrictUndefined(name="target")
        try:
            _refuse_costly(_ENVIRONMENT.parse(text))
            found = _ENVIRONMENT.from_string(text)
            return found.render(env_var=self._env_var, var=_var, target=target)
        except _Unset as unset:
            raise ConfigError(
                f"{where}, {text!r}, wants the environment variable {str(unset)!r}, which is not "
                "set; add it to `variables:` or `pass_variables:` in deploy.yaml"
            ) from None
        except _FAILURES as error:
            raise ConfigError(
                f"{where}, {text!r}, can't be rendered: {error}; use `env_var()` alone in it"
            ) from error

    def value(self, value: object, *, where: str) -> object:
        """Return `value` with all texts in it rendered, at any depth; raise as `text` does."""
        if isinstance(value, str):
            return self.text(value, where=where)
        if isinstance(value, Mapping):
            entries = cast(Mapping[Any, object], value).items()
            return {key: self.value(each, where=f"{where}.{key}") for key, each in entries}
        if isinstance(value, list):
            items = enumerate(cast(list[object], value))
            return [self.value(each, where=f"{where}[{index}]") for index, each in items]
        return value

    def _env_var(self, name: str, default: object = None) -> object:
        found = self.variables.get(name, default)
        if found is None:
            raise _Unset(name)
        return found


class _Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox where no product takes the memory of this process."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Return the result of an operation; raise `ValueError` for one that could be large."""
        if not _is_small(operator, left, right):
            raise ValueError(f"a calculation with `{operator}`")
        return super().call_binop(context, operator, left, right)


def _is_small(sign: str, left: Any, right: Any) -> bool:
    if isinstance(left, str) and sign == "%":
        return not _WIDE.search(left)
    first, second = _size(left), _size(right)
    if max(first, second) > _LARGEST or (sign == "**" and second > _SMALL):
        return False
    result = first**second if sign == "**" else first * second
    return sign == "%" or result <= _LARGEST


def _size(value: Any) -> float:
    if isinstance(value, int | float):
        return abs(value)
    return len(value) if isinstance(value, str | list | tuple) else math.inf  # pyright: ignore


def _refuse_costly(tree: nodes.Template) -> None:
    """Raise `ValueError` for a template that could take long, or much memory."""
    large = (each.value for each in tree.find_all(nodes.Const) if isinstance(each.value, int))
    if any(abs(each) > _LARGEST for each in large):
        raise ValueError("a number that is too large")
    if any(list(each.find_all(nodes.For))[:1] for each in tree.find_all(nodes.For)):
        raise ValueError("a loop in a loop")
    if any(True for _ in tree.find_all((nodes.Macro, nodes.CallBlock, nodes.NSRef))):
        raise ValueError("a macro or a namespace")
    if len([*tree.find_all((nodes.Concat, nodes.Add))]) > _SMALL:
        raise ValueError("too many texts put together")


class _Unset(Exception):  # noqa: N818 - becomes a `ConfigError` with its place
    """A variable that is wanted and not set."""


def _var(name: str, default: object = None) -> object:
    if default is None:
        raise ValueError(f"the variable {name!r} has no default")
    return default


def _same(value: object) -> object:
    return value


_ENVIRONMENT = _Sandbox(undefined=StrictUndefined)
del _ENVIRONMENT.globals["lipsum"]
# They matter to numbers and booleans, which are not read here.
_ENVIRONMENT.filters |= dict.fromkeys(("as_text", "as_bool", "as_number", "as_native"), _same)  # pyright: ignore
