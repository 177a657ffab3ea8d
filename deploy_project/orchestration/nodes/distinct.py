"""Gives each node a name that no other node has, also where several want the same; pure."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from itertools import count
from typing import Generic, TypeVar

LONGEST = 1000
"""Characters of a name at most: databases index names, and have no room for more than 2,700."""
CUT = 100
"""Characters that are left of an overlong part, in front of its mark."""

Name = TypeVar("Name")


@dataclass(frozen=True)
class NameCandidate(Generic[Name]):
    """A name that a node may get, and the form that Dagster compares names by."""

    name: Name
    form: str


@dataclass(frozen=True)
class WantedName(Generic[Name]):
    """The names that one node may get, in order of preference."""

    unique_id: str
    plain: NameCandidate[Name] | None
    """The one it would like; None where Dagster can't have it."""
    others: Iterator[NameCandidate[Name]]
    """Those it takes otherwise, without an end."""


@dataclass
class GivenNames:
    """The names that are taken: their owners' unique ids, by form."""

    owners: dict[str, str] = field(default_factory=dict[str, str])
    may_have: Callable[[str, str], bool] = lambda _form, _unique_id: True
    """Whether a form is free for a unique id, beside the names of another commit."""

    def take(self, form: str, unique_id: str) -> bool:
        """Give `form` to `unique_id`, and say whether it has it now."""
        if not self.may_have(form, unique_id):
            return False
        return self.owners.setdefault(form, unique_id) == unique_id


def distinct(wishes: Iterable[WantedName[Name]], given: GivenNames) -> dict[str, Name]:
    """Return a name for each unique id, no two of one form.

    A plain name goes to the first node that wants it. So other nodes never change a node's name,
    unless they want the same one.
    """
    found: dict[str, Name] = {}
    late: list[WantedName[Name]] = []
    order = [*wishes]
    for each in order:
        if each.plain is not None and given.take(each.plain.form, each.unique_id):
            found[each.unique_id] = each.plain.name
        else:
            late.append(each)
    for each in late:
        free = (other for other in each.others if given.take(other.form, each.unique_id))
        found[each.unique_id] = next(free).name
    return {each.unique_id: found[each.unique_id] for each in order}


def unless_shown(shown: Mapping[str, str], here: Collection[str]) -> Callable[[str, str], bool]:
    """Return a predicate: whether a unique id may have a form, beside the owners in `shown`.

    A form stays its owner's; but a new unique id may follow an owner that is not `here` any more.
    """
    known = {*shown.values()}

    def may_have(form: str, unique_id: str) -> bool:
        owner = shown.get(form)
        follows = owner not in here and unique_id not in known
        return owner is None or owner == unique_id or follows

    return may_have


def marks(unique_id: str) -> Iterator[str]:
    """Yield marks that tell a unique id from others, without an end: first, eight hex digits."""
    content = unique_id.encode(errors="surrogatepass")
    mark = sha1(content, usedforsecurity=False).hexdigest()[:8]
    yield mark
    yield from (f"{mark}_{number}" for number in count(2))
