"""YAML that is too much for a process, or that no program can use: each has its line and key."""

import pytest

from deploy_project.config.files.limited_yaml import DEEPEST, UnreadableError, read_yaml
from tests.support.deployments.configuration_files import DEPLOY, Configuration

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 300))
TEXTS = f"a: &a {'x' * 20_000}\nb: [{', '.join(['*a'] * 1000)}]\n"
MERGES = "a: &a {x: 1, y: 2, z: 3}\n" + "".join(
    f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 9)}]}}\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("[" * 100_000, 1, f"nests deeper than {DEEPEST} levels"),
        ("a:\n" + "- " * 5000, 2, f"nests deeper than {DEEPEST} levels"),
        ("".join(f"{' ' * n}a:\n" for n in range(500)), 100, f"nests deeper than {DEEPEST} levels"),
        (CHAIN, 99, f"nests deeper than {DEEPEST} levels, by its aliases"),
        (LAUGHS, 6, "grows larger than 8 MiB by its aliases"),
        (MERGES, 6, "grows larger than 8 MiB by its aliases"),
        (TEXTS, 2, "grows larger than 8 MiB by its aliases"),
        ("a: 1\nb: &b\n  c: *b", 3, "has the anchor 'b', which contains itself"),
        ("a: &a [1, *a]", 1, "has the anchor 'a', which contains itself"),
        ("a: 1\n[[b]]: 2", 1, "is not YAML: found a key that is no text"),
    ],
    ids=[
        *("flow", "dashes", "block", "chain", "laughs", "merges", "texts", "mapping", "list"),
        "key",
    ],
)
def test_what_is_too_much_is_told_with_its_line(text: str, line: int, what: str):
    """The worst of these took gigabytes, or ended with a RecursionError."""
    with pytest.raises(UnreadableError) as raised:
        read_yaml(text)
    assert raised.value.faults == [(line, what)]


def test_all_lines_with_characters_that_yaml_forbids_are_told():
    with pytest.raises(UnreadableError) as raised:
        read_yaml("a: \x00\nb: 1\nc: \x1b\n")
    assert raised.value.faults == [
        (1, "is not YAML: found the character U+0000"),
        (3, "is not YAML: found the character U+001B"),
    ]


def test_all_keys_that_appear_twice_are_told():
    with pytest.raises(UnreadableError) as raised:
        read_yaml("a: 1\na: 2\nb: {c: 1, c: hunter2}\nd: {<<: {a: 1}, <<: {a: 1}}")
    assert raised.value.faults[0] == (4, "the key '<<' appears twice in one mapping")
    with pytest.raises(UnreadableError) as raised:
        read_yaml("a: 1\na: 2\nb: {c: 1, c: hunter2}")
    assert [line for line, _ in raised.value.faults] == [2, 3]


def test_aliases_of_an_ordinary_size_are_read():
    found = read_yaml("a: &a {x: [1, 2]}\nb: {<<: *a, y: *a}\nc: [*a, *a]").data
    assert found["b"] == {"x": [1, 2], "y": {"x": [1, 2]}}
    assert found["c"] == [{"x": [1, 2]}] * 2


BAD = DEPLOY + (
    'account: {name: "a\\0b", id: 1' + "0" * 5000 + "}\n"
    "artifacts: !env ARTIFACTS\n"
    "docs_url: 2024-99-99\n"
    'dagster_url: "\\ud800"\n'
    "jbos: []\n"
)


def test_each_value_that_cannot_be_made_out_has_its_key(configuration: Configuration):
    """Half of these were told as "is not YAML (ValueError)" at line 1, and one at a time."""
    told = configuration.problems({"deploy.yaml": BAD})
    unusable = "has a character that no program takes (NUL, or half of a surrogate pair)"
    quotes = "correct it; put it in quotes when it is meant as text"
    assert told == [
        "deploy.yaml:7: account.id: looks like a value of type `int` and is none, "
        f"found '1{'0' * 79}…'; {quotes}",
        f"deploy.yaml:7: account.name: {unusable}, found 'a\\x00b'; take it out",
        "deploy.yaml:8: artifacts: has the tag '!env', which means nothing here, "
        "found 'ARTIFACTS'; write the value without a tag",
        "deploy.yaml:9: docs_url: looks like a value of type `timestamp` and is none, "
        f"found '2024-99-99'; {quotes}",
        f"deploy.yaml:10: dagster_url: {unusable}, found '\\ud800'; take it out",
        "deploy.yaml:11: jbos: is an unknown key, found 'jbos'; did you mean 'jobs'?",
    ]


NAMES = """\
projects: {true: {repository: /a}, shop: {repository: /shop, variables: {1: x}}}
environments:
  2024-01-01: {project: shop}
  ~: {project: shop}
  production: {project: shop, connection: {type: duckdb, settings: {7: x}}}
  [a]: {project: shop}
"""


def test_names_that_are_no_text(configuration: Configuration):
    """`None: Keys should be strings`, it said, or it ended with a ValidationError."""
    what, remedy = "is a name and must be text", "put it in quotes"
    assert configuration.problems({"deploy.yaml": NAMES}) == [
        f"deploy.yaml:1: projects.shop.variables.1: {what}, found 1; {remedy}",
        f"deploy.yaml:1: projects.true: {what}, found true; {remedy}",
        f"deploy.yaml:3: environments.2024-01-01: {what}, found 2024-01-01; {remedy}",
        f"deploy.yaml:4: environments.~: {what}, found ~; {remedy}",
        f"deploy.yaml:5: environments.production.connection.settings.7: {what}, found 7; {remedy}",
        f"deploy.yaml:6: environments.a sequence: {what}, found a sequence; {remedy}",
    ]


def test_names_of_variables_of_templates(configuration: Configuration):
    files = {
        "deploy.yaml": DEPLOY + "vars_files: [vars.yml]",
        "vars.yml": "name: {1: a}\nno: b\ntrue: c\n: d",
    }
    assert configuration.problems(files) == [
        "vars.yml:3: true: is a name and must be text, found true; put it in quotes",
        "vars.yml:4: '': is a name and must be text, found nothing; write a name before the colon",
    ]
