"""The posting of a run's status and comment to its pull request; no run fails for want of it."""

from collections.abc import Callable

from deploy_project.ci.comment import deployed
from deploy_project.ci.comment.report import Report, comment, status
from deploy_project.config.values.deployment import Project
from deploy_project.errors import DeployError
from deploy_project.git.hosts.access import reachable
from deploy_project.git.hosts.comments import upsert_comment
from deploy_project.git.hosts.statuses import set_status


def post(project: Project, number: int, report: Report, *, is_newest: bool = True) -> list[str]:
    """Set the commit's status, then bring the comment up to date; return the errors.

    A run that is not the newest of its job and pull request leaves the comment as it is (CI-12).

    The errors belong into the run's log and record. Where the hosting's API can't be asked, nothing
    is posted, and that is no error.
    """
    if reachable(project) is None:
        return []
    told: tuple[tuple[str, Callable[[], None]], ...] = (
        ("the status", lambda: set_status(project, report.commit, status(report))),
        (
            "the comment",
            lambda: upsert_comment(
                project, number, comment(report), report.marker, kept=deployed.kept
            ),
        ),
    )
    due = told if is_newest else told[:1]
    return [wrong for what, tell in due if (wrong := _tried(number, what, tell))]


def _tried(number: int, what: str, tell: Callable[[], None]) -> str:
    try:
        tell()
    except DeployError as error:
        return f"{what} of pull request {number} could not be posted: {error}"
    except Exception as error:
        kind = type(error).__name__
        return f"{what} of pull request {number} could not be posted: {kind}, which is our mistake"
    return ""
