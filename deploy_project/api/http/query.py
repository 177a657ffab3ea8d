"""The query of a request: related objects, pages, orders and filters, in all their spellings; pure.

Clients write lists as repeated parameters, with commas, as JSON, as Python, even as broken JSON.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy_project.api.http.problems import invalid

MOST = 100
"""The objects of a page at most, and where nothing else is asked for."""
_LONGEST = 10_000
_WORD = re.compile(r"[a-z_]+")
_ENTRY = re.compile(r"""[^\s,'"\[\]()]+(?: [0-9:.+]+)?""")
_NUMBER = re.compile(r"-?[0-9]{1,18}")

Parameters = Sequence[tuple[str, str]]
"""The names and values of a query in their order, as `QueryParams.multi_items` returns them."""


@dataclass(frozen=True)
class ListQuery:
    """The wishes for one page of a list."""

    limit: int
    offset: int
    order_by: str
    """As it was asked for; the list's own order else."""
    filters: Mapping[str, str] = field(default_factory=dict[str, str])
    """The filters by name, as they were written; the last one of a name counts."""
    shown: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The filters as the answer repeats them."""


def related(parameters: Parameters, known: Collection[str]) -> frozenset[str]:
    """Return the related objects that `include_related` asks for, in any of its six spellings.

    Those that are not `known` are left out, as dbt Cloud does.
    """
    written = " ".join(value for name, value in parameters if name == "include_related")
    return frozenset(_WORD.findall(written[:_LONGEST])).intersection(known)


def list_query(
    parameters: Parameters,
    *,
    filters: Collection[str],
    orders: Collection[str],
    order: str = "id",
) -> ListQuery:
    """Return the wishes in `parameters`.

    Raises `ApiError` 400 with a text for each parameter that is none of the list's `filters`, and
    for a limit, offset or order that can't be.
    """
    given = dict(parameters)
    faults: dict[str, str] = {}
    own = {"limit", "offset", "order_by", "include_related"}
    for name in given:
        if name not in own and name not in filters:
            known = ", ".join(sorted({*filters, *own}))
            faults[name] = f"is no filter of this list; it has {known}"
    limit = _count(given, "limit", MOST, faults)
    offset = _count(given, "offset", 0, faults)
    order_by = given.get("order_by") or order
    unknown = [each for each in order_by.split(",") if each.removeprefix("-") not in orders]
    if unknown:
        faults["order_by"] = f"{unknown[0][:50]!r} is no order; there are {', '.join(orders)}"
    if faults:
        raise invalid(faults)
    chosen = {name: value for name, value in given.items() if name in filters}
    return ListQuery(min(limit, MOST), offset, order_by, chosen, {**chosen})


def entries(text: str) -> list[str]:
    """Return the entries of a list, written as JSON, as Python or with commas."""
    return _ENTRY.findall(text[:_LONGEST])


def numbers(name: str, text: str) -> list[int]:
    """Return the numbers of a list; raise `ApiError` 400 naming the filter `name` for others."""
    found = entries(text)
    if not found or not all(map(_NUMBER.fullmatch, found)):
        raise invalid({name: f"must be a number or a list of numbers, found {text[:50]!r}"})
    return [int(each) for each in found]


def _count(given: Mapping[str, str], name: str, default: int, faults: dict[str, str]) -> int:
    text = given.get(name) or str(default)
    if not _NUMBER.fullmatch(text) or int(text) < 0:
        faults[name] = f"must be a number, 0 or more, found {text[:50]!r}"
        return default
    return int(text)
