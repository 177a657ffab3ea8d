"""A dbt project of ours that stands in for the user's: dbt runs a macro of ours in it.

dbt parses three files instead of the whole project, and needs none of its packages; none of its
code runs. The macro's arguments lie in one of the files, as a string in which nothing is left that
Jinja or a shell could understand; an argument of a process may not be longer than 128 KiB.
The macro answers with facts, each a line of JSON, or several lines where it is long.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML

from deploy_project.dbt.processes.process import LONGEST_LINE

Fact = Mapping[str, Any]
"""A JSON object that a macro of ours has printed."""

Value = str | None
"""A value as `as_text` has it, cut off where it is very long; None is NULL."""

_MARK = "deploy-project:"
_MORE = "deploy-project+"
_OURS = f"""\
{{% macro tell(fact) %}}
  {{%- set text = tojson(fact) -%}}
  {{%- set length = {LONGEST_LINE // 2} -%}}
  {{%- for start in range(0, text | length, length) -%}}
    {{%- set last = start + length >= text | length -%}}
    {{%- do print(('{_MARK}' if last else '{_MORE}') ~ text[start:start + length]) -%}}
  {{%- endfor -%}}
{{% endmacro %}}

{{% macro as_text(value) %}}
  {{%- if value is none -%}}
    {{%- do return(none) -%}}
  {{%- elif value is boolean -%}}
    {{%- do return(value | string | lower) -%}}
  {{%- endif -%}}
  {{%- set text = value | string -%}}
  {{%- do return(text if text | length <= 1000 else text[:999] ~ '…') -%}}
{{% endmacro %}}
"""


def write_project(directory: Path, users: Mapping[str, Any], macros: str) -> None:
    """Write the project into `directory`; `users` is the content of the user's dbt_project.yml.

    `macros` may use `tell(fact)`, `as_text(value)` and `given()`. Whether dbt quotes names decides
    on some warehouses which relation a name means.
    """
    (directory / "macros").mkdir(parents=True, exist_ok=True)
    (directory / "macros" / "macros.sql").write_text(_OURS + macros, encoding="utf-8")
    content = {
        "name": "deploy_project_stand_in",
        "version": "1.0",
        "profile": users["profile"],
        **{key: users[key] for key in ("quoting",) if key in users},
    }
    with (directory / "dbt_project.yml").open("w", encoding="utf-8") as stream:
        cast(Any, YAML(typ="safe")).dump(content, stream)


def call(directory: Path, macro: str, given: object) -> tuple[str, ...]:
    """Return the arguments after `dbt` that run `macro`; `given()` in it returns `given`.

    `given` is anything that JSON can hold; it stays until the next call.
    """
    text = f"{{% macro given() %}}{{% do return(fromjson({_literal(given)})) %}}{{% endmacro %}}\n"
    (directory / "macros" / "given.sql").write_text(text, encoding="utf-8")
    return ("--quiet", "run-operation", macro)


def _literal(given: object) -> str:
    """Return a string of Jinja's that holds JSON; no braces, quotes or hashes show in it."""
    text = json.dumps(given)
    return '"' + re.sub("[^A-Za-z0-9 ,:_.]", lambda found: f"\\x{ord(found[0]):02x}", text) + '"'


@dataclass
class MacroResult:
    """The output of a call, filled line by line; partial where dbt has failed on its way."""

    on_fact: Callable[[Fact], None] = lambda _: None
    on_line: Callable[[str], None] = lambda _: None
    """Called with every other line of dbt's output."""
    scrubbed: Callable[[str], str] = lambda text: text
    """Removes secrets that lay across the lines of a long fact."""
    facts: list[Fact] = field(default_factory=list[Fact])
    said: list[str] = field(default_factory=list[str])
    _parts: list[str] = field(default_factory=list[str])

    def hear(self, line: str) -> None:
        """Take a line that dbt has written."""
        if line.startswith(_MORE):
            self._parts.append(line.removeprefix(_MORE))
        elif line.startswith(_MARK) and (fact := self._fact(line.removeprefix(_MARK))) is not None:
            self.facts.append(fact)
            self.on_fact(fact)
        else:
            self.said.append(line)
            self.on_line(line)

    def _fact(self, last: str) -> Fact | None:
        is_long, text = bool(self._parts), "".join((*self._parts, last))
        self._parts.clear()
        try:
            found: Any = json.loads(self.scrubbed(text) if is_long else text)
        except ValueError:
            return None
        return cast(Fact, found) if isinstance(found, dict) else None
