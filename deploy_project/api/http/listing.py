"""Lists that fit into memory: their filters, orders and pages; pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from deploy_project.api.http.problems import invalid
from deploy_project.api.http.query import ListQuery, Parameters, entries, list_query, numbers

Item = TypeVar("Item")
Test = Callable[[Item], bool]
Filter = Callable[[str, str], Test[Item]]
"""Makes the test of a filter from its name and the text that it was given."""
_TRUE, _FALSE = ("true", "1"), ("false", "0")
_ACTIVE, _DELETED = ("active", "1", "all"), ("deleted", "2")


@dataclass(frozen=True)
class Listing(Generic[Item]):
    """The filters and orders of one kind of list."""

    filters: Mapping[str, Filter[Item]]
    orders: Mapping[str, Callable[[Item], Any]]

    def page(
        self, items: Iterable[Item], parameters: Parameters, **always: Any
    ) -> tuple[ListQuery, Sequence[Item], int]:
        """Return the wishes in `parameters`, the page that they ask for, and the number of all.

        The answer repeats `always` among its filters. Raises `ApiError` 400 as `list_query` does.
        """
        query = list_query(parameters, filters=self.filters, orders=self.orders)
        tests = [
            self.filters[name](name, text) for name, text in query.filters.items() if text != ""
        ]
        found = [each for each in items if all(test(each) for test in tests)]
        for order in reversed(query.order_by.split(",")):
            key = self.orders[order.removeprefix("-")]
            found.sort(key=key, reverse=order.startswith("-"))
        page = found[query.offset : query.offset + query.limit]
        return replace(query, shown={**always, **typed(query.filters)}), page, len(found)


def is_number(value: Callable[[Item], int | None]) -> Filter[Item]:
    """Return the filter for items with one of the numbers that are given, in a list or alone."""

    def made(name: str, text: str) -> Test[Item]:
        wanted = frozenset(numbers(name, text))
        return lambda item: value(item) in wanted

    return made


def is_above(value: Callable[[Item], int]) -> Filter[Item]:
    """Return the filter for items with a number above the given one."""

    def made(name: str, text: str) -> Test[Item]:
        least = number(name, text)
        return lambda item: value(item) > least

    return made


def is_text(value: Callable[[Item], str | None]) -> Filter[Item]:
    """Return the filter for items with one of the texts that are given, in a list or alone."""

    def made(_: str, text: str) -> Test[Item]:
        wanted = {text, *entries(text)}
        return lambda item: value(item) in wanted

    return made


def has_text(value: Callable[[Item], str]) -> Filter[Item]:
    """Return the filter for items with a text that the given one is a part of, in any case."""

    def made(_: str, text: str) -> Test[Item]:
        wanted = text.casefold()
        return lambda item: wanted in value(item).casefold()

    return made


def is_so(value: Callable[[Item], bool]) -> Filter[Item]:
    """Return the filter for items by something that is so, or is not."""

    def made(name: str, text: str) -> Test[Item]:
        wanted = truth(name, text)
        return lambda item: value(item) is wanted

    return made


def is_any(name: str, text: str) -> Test[Any]:
    """Return the test of a filter that every item passes, such as the account of the path."""
    numbers(name, text)
    return lambda _: True


def is_active(name: str, text: str) -> Test[Any]:
    """Return the test of the filter `state`: all items are active."""
    wanted = active(name, text)
    return lambda _: wanted


def active(name: str, text: str) -> bool:
    """Return whether a `state` asks for things not deleted; raise `ApiError` 400 for no state."""
    if text.lower() not in (*_ACTIVE, *_DELETED):
        raise invalid({name: f"must be active, deleted or all, found {text[:50]!r}"})
    return text.lower() in _ACTIVE


def truth(name: str, text: str) -> bool:
    """Return the truth in a text; raise `ApiError` 400 naming the filter for none."""
    if text.lower() not in (*_TRUE, *_FALSE):
        raise invalid({name: f"must be true or false, found {text[:50]!r}"})
    return text.lower() in _TRUE


def number(name: str, text: str) -> int:
    """Return the number in a text; raise `ApiError` 400 naming the filter for none or several."""
    found = numbers(name, text)
    if len(found) != 1:
        raise invalid({name: f"must be one number, found {text[:50]!r}"})
    return found[0]


def typed(filters: Mapping[str, str]) -> Mapping[str, Any]:
    """Return filters as an answer repeats them: numbers as numbers, lists as lists."""
    return {name: _typed(name, text) for name, text in filters.items() if text != ""}


def _typed(name: str, text: str) -> Any:
    if name.endswith(("__in", "__range")):
        return [_value(each) for each in entries(text)]
    return _value(text)


def _value(text: str) -> Any:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else text
