"""Rows of SELECT statements as text, in a project that stands in for the user's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deploy_project.dbt.stand_in import Fact

Value = str | None
"""A value as text, cut off where it is very long; None is NULL."""

MACRO = "select_rows"
MACROS = """\
{% macro as_text(value) %}
  {%- if value is none -%}
    {%- do return(none) -%}
  {%- elif value is boolean -%}
    {%- do return(value | string | lower) -%}
  {%- endif -%}
  {%- set text = value | string -%}
  {%- do return(text if text | length <= 1000 else text[:999] ~ '…') -%}
{% endmacro %}

{% macro tell_rows(key, table) %}
  {%- do tell({'of': key, 'columns': table.column_names | list}) -%}
  {%- for row in table.rows -%}
    {%- set values = [] -%}
    {%- for value in row -%}
      {%- do values.append(as_text(value)) -%}
    {%- endfor -%}
    {%- do tell({'of': key, 'row': values}) -%}
  {%- endfor -%}
  {%- do tell({'of': key, 'done': true}) -%}
{% endmacro %}

{% macro select_rows() %}
  {%- for key, sql in given().statements -%}
    {%- set nested = 'select * from (\\n' ~ sql ~ '\\n) deploy_project_rows' -%}
    {%- do tell_rows(key, run_query(get_limit_subquery_sql(nested, given().most))) -%}
  {%- endfor -%}
{% endmacro %}
"""


@dataclass(frozen=True)
class Selected:
    """What came of one statement."""

    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Value]] = ()
    error: str = ""
    """Why there are no rows, in dbt's words."""


def given(statements: Mapping[str, str], most: int) -> object:
    """Return what the macro is given to select at most `most` rows of each of `statements`."""
    return {"statements": [list(each) for each in statements.items()], "most": most}


def answered(facts: Iterable[Fact]) -> dict[str, Selected]:
    """Return what the facts say of each statement that has come to its end."""
    columns: dict[str, list[str]] = {}
    rows: dict[str, list[list[Value]]] = {}
    done: list[str] = []
    for fact in facts:
        key = str(fact.get("of"))
        if "columns" in fact:
            columns[key], rows[key] = fact["columns"], []
        elif "row" in fact:
            rows[key].append(fact["row"])
        elif "done" in fact:
            done.append(key)
    return {key: Selected(columns[key], rows[key]) for key in done}
