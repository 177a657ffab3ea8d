"""The kinds of hosting sites: their addresses, and dbt Cloud's word for their pull requests."""

from collections.abc import Mapping
from dataclasses import dataclass

from deploy_project.config.values.deployment import HostingKind
from deploy_project.config.values.variables import ReasonCategory


@dataclass(frozen=True)
class Site:
    """A kind of site; paths are without slashes at their ends."""

    api: str
    """The path of the API on a host of one's own."""
    commit: str
    """The path of commits, below the repository's page."""
    file: str
    """The path of files at a commit, below the repository's page."""
    reason: ReasonCategory = "other"
    """`DBT_CLOUD_RUN_REASON_CATEGORY` of a pull request's run (VAR-7)."""
    host: str = ""
    """The host that everybody uses; empty for none."""


SITES: Mapping[HostingKind, Site] = {
    "github": Site("/api/v3", "commit", "blob", "github_pull_request", "github.com"),
    "gitlab": Site("/api/v4", "-/commit", "-/blob", "gitlab_merge_request", "gitlab.com"),
    "gitea": Site("/api/v1", "commit", "src/commit"),
}


def kind_at(host: str) -> HostingKind | None:
    """Return the kind of site at a host that everybody uses; None for another host."""
    return next((kind for kind, site in SITES.items() if host and site.host == host), None)
