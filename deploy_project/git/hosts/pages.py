"""Paged lists of an API: all pages, consistent with each other, or an error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from deploy_project.git.hosts.host import Question
from deploy_project.git.hosts.http import Api, Response
from deploy_project.git.hosts.refusals import WAIT, Refusal

_TRIES = 3
_MOST = 200  # pages; a server that knows no end is out of order


@dataclass(frozen=True)
class Pages:
    """All pages of a list, as they were one after the other."""

    entries: tuple[Any, ...]
    tags: tuple[str, ...]
    """The ETag of each page; empty when one had none."""
    pages: int
    complete: bool
    """Whether there are as many entries as the API has counted."""


def unchanged(api: Api, question: Question, tags: Sequence[str]) -> bool:
    """Return whether every page is as it was at `tags`.

    The list begins with the newest entry: one that has come or gone changes a page that was there.
    """
    return bool(tags) and all(
        _asked(api, question, number, tag).status == 304 for number, tag in enumerate(tags, start=1)
    )


def whole(api: Api, question: Question, refusal: Refusal) -> Pages:
    """Return a list as it was at one moment.

    An entry that goes away while the pages are read moves one of the others to a page that was
    read before. So more than one page is read until nothing has changed meanwhile.
    """
    found = read(api, question, refusal)
    for _ in range(_TRIES):
        if found.complete and (found.pages == 1 or unchanged(api, question, found.tags)):
            return found
        again = read(api, question, refusal)
        if again.complete and found.entries == again.entries:
            return again
        found = again
    if not found.complete:
        what = f"{api.name} has counted more pull requests than it lists ({len(found.entries)})"
        raise refusal.error(what, "check that {token} may see all of them")
    raise refusal.error(f"{api.name} lists other pull requests each time it is asked", WAIT)


def read(api: Api, question: Question, refusal: Refusal) -> Pages:
    """Return all pages, read one after the other; the list may change meanwhile."""
    entries: list[Any] = []
    tags: list[str] = []
    total = 0
    for number in range(1, _MOST + 1):
        answer = _asked(api, question, number)
        page = _entries(answer, api, refusal)
        if page and page == entries[-len(page) :]:  # a list that has no pages gives all again
            page = []
        entries += page
        tags.append(answer.headers.get("ETag", ""))
        total = _total(answer)
        if not _has_next(answer, len(page), question.size, len(entries)):
            kept = tuple(tags) if all(tags) else ()
            return Pages(tuple(entries), kept, number, complete=len(entries) >= total)
    raise refusal.error(f"{api.name} lists more than {_MOST} pages", "check `hosting.api_url`")


def _asked(api: Api, question: Question, number: int, tag: str = "") -> Response:
    query = {**question.query, question.size_name: question.size, "page": number}
    return api.get(question.path, tag=tag, **query)


def _entries(answer: Response, api: Api, refusal: Refusal) -> list[Any]:
    data: Any = answer.data
    if not isinstance(data, list):
        what = f"{api.name} answers with something that is no list"
        raise refusal.error(what, "check `hosting.kind` and `hosting.api_url`")
    return cast(list[Any], data)


def _has_next(answer: Response, count: int, size: int, so_far: int) -> bool:
    """Return whether another page follows; its address is not taken from the answer.

    A server behind a proxy may give another address for itself. A full page without a `Link`
    header may be the last one, or not.
    """
    if count == 0:
        return False
    if _total(answer):
        return so_far < _total(answer)
    links = answer.headers.get("Link")
    return count >= size if links is None else 'rel="next"' in links


def _total(answer: Response) -> int:
    """Return the count of all entries; 0 where the API does not give it."""
    text = answer.headers.get("X-Total-Count") or answer.headers.get("X-Total") or ""
    return int(text) if text.isdecimal() and len(text) < 10 else 0
