"""Numeric ids for projects, environments and jobs that state none."""

import hashlib
from collections.abc import Mapping


def number(name: str) -> int:
    """Return a positive number of 31 bits that depends on `name` alone."""
    digest = hashlib.sha256(name.encode()).digest()
    return (int.from_bytes(digest[:4], "big") & 0x7FFFFFFF) or 1


def numbers(stated: Mapping[str, int | None]) -> dict[str, int]:
    """Return a number for each name: the stated one, else one made from the name."""
    return {
        name: number(name) if identifier is None else identifier
        for name, identifier in stated.items()
    }


def clashes(identifiers: Mapping[str, int]) -> list[tuple[str, str]]:
    """Return pairs of names with the same number, the earlier name first."""
    first: dict[int, str] = {}
    pairs = [(first.setdefault(value, name), name) for name, value in identifiers.items()]
    return [(earlier, later) for earlier, later in pairs if earlier != later]
