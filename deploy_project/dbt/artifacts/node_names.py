"""The type and the short name in dbt's unique ids; the only place to take them apart for people."""

import re

_HASH = re.compile(r"\.[0-9a-f]+\Z")
"""The end of a generic test's id: the hash of its name and arguments."""


def kind(unique_id: str) -> str:
    """Return the resource type, such as `model` or `unit_test`."""
    return unique_id.partition(".")[0]


def name(unique_id: str) -> str:
    """Return the short name of a node: its unique id without resource type and package.

    A version belongs to it (`orders.v2`), a source's or a unit test's owner, too (`raw.orders`);
    the hash of a generic test does not.
    """
    found = unique_id.partition(".")[2].partition(".")[2]
    return (_HASH.sub("", found) if kind(unique_id) == "test" else found) or unique_id
