"""What `dbt ls` is asked with, so that it selects what the command will."""

import pytest

from deploy_project.ci.selection import options


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("build", ""),
        ("build --select state:modified+", "--select state:modified+"),
        ("--warn-error build -s a b --full-refresh", "-s a b"),
        ("run --threads 4 --select a --exclude b c --fail-fast", "--select a --exclude b c"),
        ("run --select=a+ --favor-state --vars={x:1}", "--select=a+ --vars={x:1}"),
        ("build --selector nightly --target prod x", "--selector nightly --target prod"),
        ("build --vars {a:-1} -x --exclude a", "--vars {a:-1} --exclude a"),
        ("test --store-failures --resource-type test", "--resource-type test"),
        ("build --state elsewhere --defer", "--state elsewhere"),
        ("run --sample 3 days --models a", "--models a"),
    ],
)
def test_the_options_that_select_are_kept(command: str, expected: str):
    assert options(command.split()) == expected.split()
