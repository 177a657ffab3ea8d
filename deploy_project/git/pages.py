"""Detection of web pages (a proxy's, a login) that answer instead of a git repository."""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deploy_project.config.values.deployment import Project
from deploy_project.errors import GitError, RemoteError
from deploy_project.git.command import without_credentials
from deploy_project.git.credentials import git_for

_SECONDS = 20
_SIGNS = re.compile(
    r"not valid: .*is this a git repository|unable to update url base from redirection"
    r"|bad line length character|invalid server response|invalid content-type"
)
# A repository that is plain files comes as these, or without any type.
_FILES = frozenset({"", "text/plain", "application/octet-stream", "binary/octet-stream"})
_GITS = "application/x-git-"


@dataclass(frozen=True)
class WebPage:
    """The head of an HTTP answer."""

    status: int
    content_type: str = ""
    location: str = ""

    @property
    def kind(self) -> str:
        """The content type without its parameters."""
        return self.content_type.partition(";")[0].strip().lower()


def is_http(project: Project) -> bool:
    """Return whether the project's remote is reached by HTTP."""
    return project.repository.startswith(("http://", "https://"))


def refuse_page(project: Project, failure: GitError | None = None) -> None:
    """Raise `RemoteError` when a web page answers instead of the project's remote.

    To be asked when git has listed nothing at all, which is how it takes some pages, or after a
    `failure`. git is asked once more, for its own proxies, certificates and logins count.
    """
    if not is_http(project) or (failure is not None and not _SIGNS.search(str(failure))):
        return
    found = page(list(answers(_trace(project))), failed=failure is not None)
    if found is not None:
        raise RemoteError(f"project {project.name!r}: {_told(project, *found)}")


def answers(trace: str) -> Iterator[WebPage]:
    """Yield the HTTP answers in a trace of curl, in their order."""
    head: dict[str, str] | None = None
    for line in trace.splitlines():
        _, received, text = line.partition("<= Recv header: ")
        if not received:
            continue
        if text.startswith("HTTP/"):
            if head is not None:
                yield _answer(head)
            head = {"": text}
        elif head is not None:
            name, _, value = text.partition(":")
            head[name.lower()] = value.strip()
    if head is not None:
        yield _answer(head)


def page(found: Sequence[WebPage], *, failed: bool) -> tuple[WebPage, str] | None:
    """Return the answer that is a web page, and the target of git's redirect; None without one.

    An answer that git has `failed` to understand is one even with the content type of files.
    """
    if any(each.kind.startswith(_GITS) for each in found):
        return None
    location = next((each.location for each in found if each.location), "")
    pages = (each for each in found if each.status == 200 and (failed or each.kind not in _FILES))
    return next(((each, location) for each in pages), None)


def _answer(head: dict[str, str]) -> WebPage:
    status = head[""].split()[1:2] or ["0"]
    return WebPage(
        status=int(status[0]) if status[0].isdecimal() else 0,
        content_type=head.get("content-type", ""),
        location=head.get("location", ""),
    )


def _trace(project: Project) -> str:
    """Return git's trace of the HTTP connection while it asks for the remote's references."""
    with tempfile.TemporaryDirectory(prefix="deploy-git-") as directory:
        trace = Path(directory) / "trace"
        env = {"GIT_TRACE_CURL": str(trace), "GIT_TRACE_CURL_NO_DATA": "1"}
        arguments = ("ls-remote", "--", project.repository, "HEAD")
        with suppress(GitError):  # which has been told before; the trace is what counts
            git_for(project, *arguments, cwd=Path("/"), timeout=_SECONDS, env=env)
        return trace.read_text(encoding="utf-8", errors="replace") if trace.exists() else ""


def _told(project: Project, found: WebPage, location: str) -> str:
    where = without_credentials(project.repository)
    kind = found.content_type.encode("ascii", "replace").decode() or "of no type"
    by = f"redirected to {without_credentials(location.partition('?')[0])}, " if location else ""
    return (
        f"the answer of {where} is no git repository but a web page ({by}HTTP {found.status}, "
        f"{kind}): of a proxy, or of a login; check `repository:`, whether this network or that "
        "site wants a login first, and `https_proxy` and `no_proxy` of Dagster's processes"
    )
