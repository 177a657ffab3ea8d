"""Generates the work of jobs that are compared with bare dbt: a project, and commands over it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from bench import generate

_MODELS_OF_A_SEED = 10
_ROWS = 2_000
_EVERY_INCREMENTAL = 5
_THREADS = 4


@dataclass(frozen=True)
class Work:
    """A dbt project, the commands of a job over it, and the relations that they make."""

    name: str
    files: Mapping[str, str]
    commands: tuple[str, ...]
    """After `dbt`; `docs generate` is the job's own step in a deployment."""
    relations: int

    @property
    def job(self) -> Mapping[str, object]:
        """The keys of the job in a deployment."""
        docs = "docs generate"
        steps = [f"dbt {each}" for each in self.commands if each != docs]
        found: dict[str, object] = {"execute_steps": steps, "settings": {"target_name": "prod"}}
        return {**found, "generate_docs": True} if docs in self.commands else found


def four_commands(models: int) -> Work:
    """Return a job of four commands over views, with a test for each."""
    files = generate.project_files(models, tests=1)
    commands = ("run", "test", "compile", "docs generate")
    return Work(f"run, test, compile and docs, {models:,} views", files, commands, models)


def tables(models: int) -> Work:
    """Return a build of tables and incremental models over seeds, with 1.4 tests for each.

    Their macros take milliseconds to compile, and there are four threads: as in many a project.
    """
    seeds = max(1, models // _MODELS_OF_A_SEED)
    files = {
        **generate.project_files(0),
        "dbt_project.yml": json.dumps(
            {
                "name": "bench",
                "version": "1.0",
                "profile": "bench",
                "models": {"bench": {"+materialized": "table"}},
            }
        ),
        "macros/spread.sql": _MACRO,
        **{f"seeds/seed_{number:04}.csv": _seed(number) for number in range(seeds)},
        **{
            f"models/table_{number:05}.sql": _table(number, seeds=seeds) for number in range(models)
        },
        "models/models.yml": json.dumps({"models": [_properties(n) for n in range(models)]}),
    }
    profile = files["profiles.yml"].replace("threads: 2", f"threads: {_THREADS}")
    name = f"build of {seeds:,} seeds, {models:,} tables, 1.4 tests each"
    return Work(name, {**files, "profiles.yml": profile}, ("build",), seeds + models)


_MACRO = """\
{% macro spread(column, count) %}
{%- set parts = [] -%}
{%- for number in range(count) -%}
  {%- set part = namespace(text='') -%}
  {%- for each in range(40) -%}
    {%- set part.text = (number * each % 97) | string -%}
  {%- endfor -%}
  {%- do parts.append(column ~ ' % ' ~ (number + 2) ~ ' as part_' ~ number) -%}
{%- endfor -%}
{{ parts | join(', ') }}
{% endmacro %}
"""


def _seed(number: int) -> str:
    rows = "".join(f"{row},{(row * (number + 7)) % 1000}\n" for row in range(_ROWS))
    return f"id,amount\n{rows}"


def _table(number: int, *, seeds: int) -> str:
    """Return a model over a seed and, but for the first ones, over an earlier model."""
    seed = f"seed_{number % seeds:04}"
    source = f"{{{{ ref('table_{number // 2:05}') }}}}" if number else f"{{{{ ref('{seed}') }}}}"
    columns = "s.id, s.amount + o.amount % 10 as amount, {{ spread('s.amount', 12) }}"
    sql = f"select {columns} from {{{{ ref('{seed}') }}}} s join {source} o on o.id = s.id"  # noqa: S608
    if number % _EVERY_INCREMENTAL:
        return f"{sql}\n"
    return (
        "{{ config(materialized='incremental', unique_key='id') }}\n"
        f"{sql}\n{{% if is_incremental() %}}where s.id > 1000{{% endif %}}\n"
    )


def _properties(number: int) -> Mapping[str, object]:
    """Return the properties of a model: two of five have two tests, the others have one."""
    tests = [*generate.DATA_TESTS] if number % 5 < 2 else [generate.DATA_TESTS[0]]
    return {"name": f"table_{number:05}", "columns": [{"name": "id", "data_tests": tests}]}
