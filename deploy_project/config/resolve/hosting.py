"""The hosting of a project: kind, page and API address, stated or derived from its repository."""

import re
from urllib.parse import urlsplit

from deploy_project.config.files.addresses import web
from deploy_project.config.files.deploy_file import HostingEntry, ProjectEntry
from deploy_project.config.files.documents import Place
from deploy_project.config.files.locations import SCP, Base
from deploy_project.config.files.problems import Problems
from deploy_project.config.resolve.variables_and_secrets import secret
from deploy_project.config.values.deployment import Hosting, HostingKind, Secret
from deploy_project.config.values.hosting_sites import SITES, kind_at


def hosting(
    place: Place, entry: ProjectEntry, token: Secret | None, base: Base, problems: Problems
) -> Hosting | None:
    """Return the hosting of a project; its URL gives the parts that are not stated.

    `token` is the project's, for a hosting that has none of its own.
    """
    stated = entry.hosting or HostingEntry()
    if stated.url:
        web(place / "url", stated.url, problems)
    page = stated.url or _page(entry.repository)
    kind = stated.kind or kind_at(_host(page))
    if stated.token is not None:
        token = secret(place / "token", base, problems)
    if kind and page:
        api_url, repository = _api(kind, page.rstrip("/"), stated, place, problems)
        return Hosting(kind, page.rstrip("/"), api_url, repository, token)
    if entry.hosting:
        missing = "url" if kind else "kind"
        remedy = f"add `{missing}`, which can't be told from the repository's address"
        problems.add(place / missing, "is missing", remedy=remedy)
    return None


def _api(
    kind: HostingKind, page: str, stated: HostingEntry, place: Place, problems: Problems
) -> tuple[str, str]:
    """Return the root of the API, and the repository's name there; both empty if unknown."""
    root = web(place / "api_url", stated.api_url, problems) if stated.api_url else ""
    found = (root or api_url(kind, page), repository(kind, page, root))
    if all(found):
        return found
    if stated.api_url or stated.token is not None:
        remedy = "give the address of the repository's page: https://host/owner/name"
        problems.add(place / "url", "names no repository", found=repr(page), remedy=remedy)
    return "", ""


def api_url(kind: HostingKind, page: str) -> str:
    """Return the root of the API of the site that has this page, as these sites have it.

    github.com and the tenants of ghe.com have a host for it, GitHub Enterprise Server a path; a
    Gitea may lie below a path of its host, and so may a GitLab, but its groups look the same.
    """
    try:
        url = urlsplit(page)
    except ValueError:
        return ""
    if kind == "github" and re.fullmatch(r"github\.com|[^.]+\.ghe\.com", url.netloc):
        return f"{url.scheme}://api.{url.netloc}"
    below = url.path.split("/")[:-2] if kind == "gitea" else []
    return f"{url.scheme}://{url.netloc}{'/'.join(below)}{SITES[kind].api}"


def repository(kind: HostingKind, page: str, root: str) -> str:
    """Return `owner/name` out of the page's address; for GitLab with all groups.

    `root` is the root of the API where it is stated: the beginning of its path is none of the
    groups. Empty when there are fewer than two names.
    """
    try:
        path, prefix = urlsplit(page).path, urlsplit(root).path.removesuffix(SITES[kind].api)
    except ValueError:
        return ""
    path = path.removeprefix(prefix if kind == "gitlab" else "").strip("/")
    names = path.removesuffix(".git").split("/")
    if len(names) < 2 or not all(names) or not {".", ".."}.isdisjoint(names):
        return ""
    return "/".join(names if kind == "gitlab" else names[-2:])


def _page(text: str) -> str | None:
    """Return the page of a repository, as every known hosting has it; None for a local one."""
    scp = None if "://" in text else SCP.fullmatch(text)
    if scp:
        return f"https://{scp['host']}/{scp['path'].strip('/').removesuffix('.git')}"
    try:
        url = urlsplit(text)
        port = f":{url.port}" if url.port and url.scheme != "ssh" else ""
    except ValueError:
        return None
    if url.scheme not in ("http", "https", "ssh") or not url.hostname:
        return None
    scheme = "https" if url.scheme == "ssh" else url.scheme
    return f"{scheme}://{url.hostname}{port}/{url.path.strip('/').removesuffix('.git')}"


def _host(page: str | None) -> str:
    try:
        return urlsplit(page or "").hostname or ""
    except ValueError:
        return ""
