"""The permissions of tokens: their actions, by project and environment; pure (DESIGN 19)."""

from collections.abc import Mapping, Sequence
from enum import StrEnum, auto
from fnmatch import fnmatchcase

from deploy_project.config.values.tokens import Permission, Token


class Action(StrEnum):
    """Something that a route does for a token."""

    READ_ACCOUNT = auto()
    """The account, its projects, environments, repositories and users."""
    READ_JOBS = auto()
    READ_RUNS = auto()
    """Runs, their steps and logs."""
    READ_ARTIFACTS = auto()
    READ_METADATA = auto()
    """The Discovery API."""
    READ_WEBHOOKS = auto()
    READ_NOTIFICATIONS = auto()
    TRIGGER = auto()
    """Start a run of a job, or retry one."""
    CANCEL = auto()
    OVERRIDE_STEPS = auto()
    """Run other commands than the job's: any SQL with the environment's credentials."""
    OVERRIDE_CODE = auto()
    """Run another commit, branch or target than the environment's: no less."""
    EDIT_JOBS = auto()
    """Create, change and delete jobs, and the values of their variables."""
    EDIT_WEBHOOKS = auto()
    EDIT_NOTIFICATIONS = auto()
    """Have mail and messages in Slack sent to anybody on the ends of runs."""


READS = frozenset(each for each in Action if each.startswith("read_"))
_OVERRIDES = frozenset({Action.OVERRIDE_STEPS, Action.OVERRIDE_CODE})
_HISTORY = frozenset(
    {Action.READ_ACCOUNT, Action.READ_JOBS, Action.READ_RUNS, Action.READ_ARTIFACTS}
)
_RUNNER = _HISTORY | {Action.TRIGGER, Action.CANCEL}
_VIEWER = _HISTORY | {Action.READ_METADATA}
_CREATOR = _RUNNER | _VIEWER | {Action.EDIT_JOBS}
_WEBHOOKS = frozenset({Action.READ_WEBHOOKS, Action.EDIT_WEBHOOKS})
_NOTIFICATIONS = frozenset({Action.READ_NOTIFICATIONS, Action.EDIT_NOTIFICATIONS})

ACTIONS: Mapping[Permission, frozenset[Action]] = {
    "account_admin": frozenset(Action),
    "member": frozenset(Action) - _OVERRIDES,
    "job_admin": _CREATOR | _OVERRIDES,
    "job_creator": _CREATOR,
    "job_runner": _RUNNER,
    "job_viewer": _VIEWER,
    "metadata_only": frozenset({Action.READ_METADATA}),
    "webhooks_only": _WEBHOOKS,
    "notification_manager": _NOTIFICATIONS,
    "override_steps": frozenset({Action.OVERRIDE_STEPS}),
    "override_code": frozenset({Action.OVERRIDE_CODE}),
}
"""The actions of each permission; docs/api.md has the same table."""


def allows(
    token: Token,
    action: Action,
    *,
    project: str | None = None,
    environment: str | None = None,
    is_ci: bool = False,
) -> bool:
    """Whether `token` may do `action` in a project and environment, given by their names.

    Without a project (or environment), a read is allowed to those who may read anything, and is
    to show only what is `visible`; a change is one of the whole account (or project). A run of a
    CI job may have other steps and code by whoever may start it: it writes its own schemas only.
    """
    return (
        _has(token, action, is_ci=is_ci)
        and _reaches(token.projects, project, action)
        and _reaches(token.environments, environment, action)
    )


def _has(token: Token, action: Action, *, is_ci: bool) -> bool:
    of_ci = {Action.TRIGGER} if is_ci and action in _OVERRIDES else frozenset[Action]()
    return any(not ACTIONS[each].isdisjoint({action, *of_ci}) for each in token.permissions)


def _reaches(globs: Sequence[str], name: str | None, action: Action) -> bool:
    if name is None:
        return action in READS or "*" in globs
    return any(fnmatchcase(name, glob) for glob in globs)
