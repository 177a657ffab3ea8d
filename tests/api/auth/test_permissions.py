from typing import Any, get_args

import pytest

from deploy_project.api.auth.permissions import ACTIONS, READS, Action, allows
from deploy_project.config.values.tokens import Permission
from tests.support.api.callers import ALLOWED, token
from tests.support.paths import ROOT


@pytest.mark.parametrize("permission", get_args(Permission))
def test_each_permission_allows_these_actions_and_no_others(permission: Permission):
    assert {str(each) for each in ACTIONS[permission]} == ALLOWED[permission]
    given = token("t", permission)
    for action in Action:
        expected = str(action) in ALLOWED[permission]
        assert allows(given, action) is expected
        assert allows(given, action, project="shop", environment="prod") is expected


def test_the_facts_are_of_all_actions():
    assert ALLOWED["account_admin"] == {str(each) for each in Action}
    assert ALLOWED.keys() == {*get_args(Permission)}
    assert {str(each) for each in READS} == {
        *("read_account", "read_jobs", "read_runs", "read_artifacts"),
        *("read_metadata", "read_webhooks", "read_notifications"),
    }


@pytest.mark.parametrize(
    ("projects", "environments", "project", "environment", "expected"),
    [
        (["*"], ["*"], "shop", "prod", True),
        (["shop"], ["*"], "shop", "prod", True),
        (["shop"], ["*"], "crm", "prod", False),
        (["shop"], ["prod"], "shop", "staging", False),
        (["sh*", "crm"], ["*"], "crm", "prod", True),
        (["sh*"], ["*"], "Shop", "prod", False),
        (["shop"], ["*"], "shopping", "prod", False),
        (["s[hx]op"], ["*"], "shop", "prod", True),
        (["*"], ["*"], "", "", True),
        (["shop"], ["*"], "", "", False),
    ],
)
def test_a_token_is_good_for_some_projects_and_environments(
    projects: list[str], environments: list[str], project: str, environment: str, expected: bool
):
    given = token("t", "account_admin", projects=projects, environments=environments)
    for action in Action:
        assert allows(given, action, project=project, environment=environment) is expected


@pytest.mark.parametrize("narrowed", [{"projects": ["shop"]}, {"environments": ["prod"]}])
def test_without_a_place_reads_are_anywhere_and_changes_everywhere(narrowed: dict[str, Any]):
    given = token("t", "account_admin", **narrowed)
    assert {each for each in Action if allows(given, each)} == READS
    assert all(allows(token("t", "account_admin"), each) for each in Action)


def test_a_change_of_a_whole_project_is_for_those_who_have_all_of_its_environments():
    narrow = token("t", "member", projects=["shop"], environments=["prod"])
    wide = token("t", "member", projects=["shop"])
    assert not allows(narrow, Action.EDIT_JOBS, project="shop")
    assert allows(wide, Action.EDIT_JOBS, project="shop")
    assert not allows(wide, Action.EDIT_JOBS, project="crm")


OVERRIDES = (Action.OVERRIDE_STEPS, Action.OVERRIDE_CODE)


@pytest.mark.parametrize("permission", get_args(Permission))
def test_a_ci_job_runs_other_steps_and_code_for_whoever_may_start_it(permission: Permission):
    given = token("t", permission)
    for action in Action:
        usual = allows(given, action)
        starts = Action.TRIGGER in ACTIONS[permission]
        assert allows(given, action, is_ci=True) is (usual or (action in OVERRIDES and starts))


def test_permissions_add_up():
    both = token("t", "job_runner", "override_steps")
    assert allows(both, Action.TRIGGER)
    assert allows(both, Action.OVERRIDE_STEPS)
    assert not allows(both, Action.OVERRIDE_CODE)
    assert not any(allows(token("t"), each) for each in Action)


COLUMNS: tuple[tuple[str, ...], ...] = (
    ("read_account", "read_jobs", "read_runs", "read_artifacts"),
    ("read_metadata",),
    ("trigger",),
    ("cancel",),
    ("edit_jobs",),
    ("override_steps",),
    ("override_code",),
    ("read_webhooks", "edit_webhooks"),
    ("read_notifications", "edit_notifications"),
)
"""The columns of the table in docs/api.md."""


def test_the_documentation_has_this_table():
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    table = text.partition("<!-- permissions -->\n")[2].partition("<!-- end of permissions -->")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
    assert [row[0].strip("`") for row in rows] == [*get_args(Permission)]
    for name, *cells in rows:
        for cell, actions in zip(cells, COLUMNS, strict=True):
            has = next(ACTIONS[each] for each in ACTIONS if f"`{each}`" == name)
            words = {str(each).partition("_")[0] for each in has if str(each) in actions}
            shown = {*cell.split(", ")} if cell not in ("", "yes") else set[str]()
            assert bool(cell) is bool(words), f"{name}: {actions}"
            assert not shown or shown == words, f"{name}: {actions}"
    assert {each for column in COLUMNS for each in column} == {str(each) for each in Action}
