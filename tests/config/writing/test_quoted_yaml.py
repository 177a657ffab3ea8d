from typing import Any

import jinja2
import pytest
from ruamel.yaml import YAML

from deploy_project.config.files.limited_yaml import read_yaml
from deploy_project.config.writing.quoted_yaml import quoted_yaml

TEXTS = [
    "",
    "daily",
    "yes",
    "null",
    "1.10",
    "2024-01-01",
    "0x1f",
    "- a",
    "a: b",
    "a #b",
    "*alias",
    "&anchor x",
    "!!python/object:os.system x",
    "<<",
    "{{ env_var('A') }}",
    "{% for x in range(10**9) %}",
    "{# not a comment #}",
    "{{{{",
    "{",
    "{'a': {'b': 1}}",
    '"quoted" and \\ back\\\\slash',
    "two\nlines\r\nand a\ttab",
    "bell \x07 and \x1b[31mred",
    "\x85next line\u2028and\u2029paragraph",
    "\ufeffbyte order mark",
    "größe, 日本, 😀",
    " spaces ",
    "x" * 5000,
    "%TAG !",
    "---",
    "...",
    "@at `tick`",
]
DATA: dict[str, Any] = {
    "texts": TEXTS,
    "numbers": [0, -1, 2**62],
    "flags": [True, False, None],
    "empty": [{}, [], ""],
    "deep": [[["a"], {"b": [{"c": {"d": 1}}]}], {"e": {"f": []}}],
    **{text: text for text in TEXTS if text != "<<" and len(text) < 1000},
}


def test_whatever_is_written_is_read_as_it_was():
    found = read_yaml(quoted_yaml(DATA))
    assert found.bad == ()
    assert found.data == DATA
    assert YAML(typ="safe").load(quoted_yaml(DATA)) == DATA


def test_jinja_renders_it_to_itself():
    """A job made over the API would be a template: its name could read all vars files."""
    written = quoted_yaml(DATA)
    rendered = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(written).render()
    assert read_yaml(rendered).data == DATA


def test_it_is_written_as_people_would():
    written = quoted_yaml(
        {"jobs": {"daily": {"id": 7, "execute_steps": ["dbt build"], "on": [{"DBT_A": "1"}]}}}
    )
    assert written == (
        'jobs:\n  daily:\n    id: 7\n    execute_steps:\n      - "dbt build"\n'
        '    "on":\n      - DBT_A: "1"\n'
    )


@pytest.mark.parametrize("value", [b"bytes", object(), {1, 2}])
def test_other_types_are_an_error(value: Any):
    with pytest.raises(TypeError):
        quoted_yaml({"a": value})
