"""Our comment on a pull request: written, found again by its marker, and kept up to date."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from deploy_project.config.values.deployment import Project
from deploy_project.git.hosts.access import Access, access
from deploy_project.git.hosts.host import Comment
from deploy_project.git.hosts.pages import read
from deploy_project.git.hosts.refusals import RefusedError

_CUT = "\n\n_The rest is left out: {name} takes {longest} characters; the run has everything._"
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")


def upsert_comment(
    project: Project,
    number: int,
    body: str,
    marker: str,
    *,
    kept: Callable[[str, str], str] = lambda _, new: new,
) -> None:
    """Write `body` into our comment that begins with `marker`; make one when there is none.

    `kept` makes the new text of the old one and `body`, where there is an old one. `marker` is an
    HTML comment, which nobody sees. A comment of somebody else is left alone, even with the same
    marker. The hosting must be `reachable`. Raises `RemoteError`, or `ConfigError` when there is
    no token.
    """
    way = access(project)
    mine = next(_ours(way, number, marker), None)
    whole = f"{marker}\n{kept(mine.body, body) if mine is not None else body}"
    text = fitting(whole, way.host.longest_body, way.host.name)
    if mine is not None and mine.body == text:
        return
    if mine is None or not _edited(way, number, mine, text):
        path = way.host.comments(way.repository, number).path
        way.api.send("POST", path, {"body": text})


def amend_comment(
    project: Project, number: int, marker: str, amended: Callable[[str], str]
) -> None:
    """Change our comment that begins with `marker`: `amended` makes the new text of the old.

    Without one, nothing happens. Raises as `upsert_comment` does.
    """
    way = access(project)
    mine = next(_ours(way, number, marker), None)
    if mine is None:
        return
    text = fitting(amended(mine.body), way.host.longest_body, way.host.name)
    if text != mine.body:
        _edited(way, number, mine, text)


def fitting(body: str, longest: int, name: str) -> str:
    """Return `body`; if it is longer than the API takes, cut after a line, with a notice."""
    if len(body) <= longest:
        return body
    notice = _CUT.format(name=name, longest=f"{longest:,}")
    room = longest - len(notice) - 1
    kept = body[:room].rpartition("\n")[0] or body[:room]
    fence = _open_fence(kept)
    if fence:
        kept = kept[: room - len(fence) - 1].rpartition("\n")[0] + f"\n{fence}"
    return kept + notice


def _open_fence(text: str) -> str:
    """Return the fence that closes an open code block at the end of `text`; empty without one."""
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not line.strip(" " + fence[0]):
            fence = ""
    return fence


def _ours(way: Access, number: int, marker: str) -> Iterator[Comment]:
    entries = read(way.api, way.host.comments(way.repository, number), way.refusal).entries
    found = [way.parsed(way.host.comment, entry) for entry in entries]
    marked = [each for each in found if each.body.startswith(marker)]
    if marked:
        me = _account(way)
        yield from (each for each in marked if (each.author == me if me else each.is_bot))


def _account(way: Access) -> str:
    """Return the account that the token belongs to; empty for an app's, which may not ask."""
    try:
        answer: Any = way.api.get("/user").data
    except RefusedError as error:
        if error.status != 403 or not way.host.has_apps:
            raise
        return ""
    return way.parsed(way.host.account, answer)


def _edited(way: Access, number: int, comment: Comment, text: str) -> bool:
    """Return whether the comment was changed; not if somebody has deleted it meanwhile."""
    method, path = way.host.edit(way.repository, number, comment.id)
    try:
        way.api.send(method, path, {"body": text})
    except RefusedError as error:
        if error.status != 404:
            raise
        return False
    return True
