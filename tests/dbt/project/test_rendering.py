import pytest

from deploy_project.dbt.project.rendering import Rendering
from deploy_project.errors import ConfigError

SEEN = Rendering({"DBT_A": "x"}, {"name": "prod", "schema": "shop"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("{{ env_var('DBT_A') }}.db", "x.db"),
        ("{{ env_var('DBT_' ~ 'A') }}", "x"),
        ("{{ env_var('DBT_B', 'y') }}", "y"),
        ("{{ env_var('DBT_B', 4) | as_number }}", "4"),
        ("{{ var('v', 'z') }}", "z"),
        ("{% if target.name == 'prod' %}a{% else %}b{% endif %}", "a"),
    ],
)
def test_jinja_is_rendered_as_dbt_does(text: str, expected: str):
    assert SEEN.text(text, where="here") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ env_var('DBT_B') }}", "here, .*wants the environment variable 'DBT_B', which is not"),
        ("{{ var('v') }}", "the variable 'v' has no default"),
        ("{{ x }}", "'x' is undefined"),
        ("{{ ''.__class__.__mro__ }}", "access to attribute"),
        ("{{ range(10**9) | list }}", "can't be rendered"),
        ("{{ 1 / 0 }}", "can't be rendered"),
        ("{% for", "can't be rendered"),
    ],
)
def test_what_can_not_be_rendered_is_told_with_its_place(text: str, message: str):
    with pytest.raises(ConfigError, match=message):
        SEEN.text(text, where="here")


def test_texts_are_rendered_at_any_depth():
    value = {"packages": [{"git": "{{ env_var('DBT_A') }}", "revision": 1}]}
    assert SEEN.value(value, where="f") == {"packages": [{"git": "x", "revision": 1}]}
    with pytest.raises(ConfigError, match=r"f.packages\[0\].git, "):
        Rendering({}).value(value, where="f")
