"""A hosting site that clean-up asks for the open pull requests."""

from dataclasses import dataclass

from deploy_project.config.values.deployment import Project
from deploy_project.errors import RemoteError
from deploy_project.git.pulls import OpenPullRequests, PullRequest


@dataclass(frozen=True)
class Hosting:
    """A hosting site on which these pull requests are open; None is an outage."""

    open_numbers: tuple[int, ...] | None

    def listed(self, project: Project, cursor: str) -> OpenPullRequests | None:
        assert cursor == ""
        if self.open_numbers is None:
            raise RemoteError("the hosting site is away")
        return OpenPullRequests(
            tuple(PullRequest(each, "0" * 40) for each in self.open_numbers), "now"
        )
