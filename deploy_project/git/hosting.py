"""Links to commits and files on a project's hosting site."""

from urllib.parse import quote

from deploy_project.config.values.deployment import Hosting
from deploy_project.config.values.hosting_sites import SITES


def commit_url(hosting: Hosting | None, commit: str) -> str:
    """Return the page of one commit; empty without a hosting."""
    if hosting is None:
        return ""
    return _page(hosting, SITES[hosting.kind].commit, commit)


def file_url(hosting: Hosting, commit: str, path: str) -> str:
    """Return the page of a file at a commit; `path` is relative to the repository's root."""
    return _page(hosting, SITES[hosting.kind].file, commit, path)


def _page(hosting: Hosting, kind: str, *names: str) -> str:
    """Return a link below the repository's page; `names` are escaped, and can't lead out of it."""
    # A browser would climb out of the repository at "..", escaped or not.
    parts = [part for name in names for part in name.split("/") if part not in ("", ".", "..")]
    escaped = (quote(part, safe="", errors="replace") for part in parts)
    return "/".join([hosting.url, kind, *escaped])
