"""What a macro of ours is given, and what is heard of its answer."""

import json
from pathlib import Path

import pytest
from jinja2 import Environment

from deploy_project.dbt.processes.process import LONGEST_LINE
from deploy_project.dbt.relations.stand_in import MacroResult, call, write_project

HOSTILE = "x'\"`{{ 1/0 }}{% raw %}{# #} -- \\ \n%} }} \u202e é 😀"


@pytest.mark.parametrize(
    "given",
    [
        {"sql": [HOSTILE, None, True, 1.5]},
        [],
        {HOSTILE: {HOSTILE: [HOSTILE]}},
        "x" * 300_000,
    ],
    ids=["values", "nothing", "names", "longer than an argument may be"],
)
def test_a_macro_is_given_what_was_said_whatever_is_in_it(tmp_path: Path, given: object):
    write_project(tmp_path, {"profile": "shop"}, "")
    arguments = call(tmp_path, "do_it", given)
    assert arguments == ("--quiet", "run-operation", "do_it")
    text = (tmp_path / "macros" / "given.sql").read_text(encoding="utf-8")
    assert "{{" not in text
    assert "{#" not in text
    heard: list[object] = []
    jinja = Environment(extensions=["jinja2.ext.do"])
    names = {"return": heard.append, "fromjson": json.loads}
    jinja.from_string(text + "{{ given() }}", globals=names).render()
    assert heard == [given]


def test_only_what_decides_what_names_mean_is_taken_from_the_users_project(tmp_path: Path):
    users = {"profile": "shop", "quoting": {"schema": True}, "on-run-start": ["drop"], "vars": {}}
    write_project(tmp_path, users, "")
    text = (tmp_path / "dbt_project.yml").read_text(encoding="utf-8")
    assert "profile: shop" in text
    assert "schema: true" in text
    assert "drop" not in text


def heard(*lines: str) -> MacroResult:
    answer = MacroResult(scrubbed=lambda text: text.replace("secret", "*****"))
    for line in lines:
        answer.hear(line)
    return answer


def test_facts_are_told_from_what_dbt_says():
    found = heard("Hello", 'deploy-project:{"a": 1}', "deploy-project:no", 'deploy-project:"a"')
    assert found.facts == [{"a": 1}]
    assert found.said == ["Hello", "deploy-project:no", 'deploy-project:"a"']


def test_a_long_fact_comes_in_parts_and_a_secret_across_them_is_taken_out():
    parts = ('deploy-project+{"a": "a sec', 'deploy-project:ret"}', 'deploy-project:{"b": 2}')
    assert heard(*parts).facts == [{"a": "a *****"}, {"b": 2}]


def test_no_part_is_longer_than_what_is_heard_at_once(tmp_path: Path):
    """A line that is longer comes in several, and only the first would have our mark."""
    write_project(tmp_path, {"profile": "shop"}, "")
    macros = (tmp_path / "macros" / "macros.sql").read_text(encoding="utf-8")
    said: list[str] = []
    jinja = Environment(extensions=["jinja2.ext.do"])
    names = {"print": said.append, "tojson": json.dumps, "text": {"a": "é" * LONGEST_LINE}}
    jinja.from_string(macros + "{{ tell(text) }}", globals=names).render()
    assert len(said) > 2
    assert max(map(len, said)) < LONGEST_LINE
    assert heard(*said).facts == [{"a": "é" * LONGEST_LINE}]
    assert heard(*said).said == []
