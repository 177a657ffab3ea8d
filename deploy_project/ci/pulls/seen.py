"""The memory of the pull request sensor between ticks, and its text in the cursor."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter

from deploy_project.ci.pulls.plan import Handled, Heads
from deploy_project.config import cursors


@dataclass(frozen=True)
class Memory:
    """The memory that one tick leaves to the next."""

    place: str = ""
    """The cursor of the last listing."""
    seen: Mapping[str, Handled] = field(default_factory=dict[str, Handled])
    """The heads that were dealt with, by job."""
    heard: str = ""
    """The last ring of the bell that was answered."""


@dataclass(frozen=True)
class _Stored:
    """A `Memory` as text: by job the heads that were started, refused and labelled."""

    seen: Mapping[str, tuple[Heads, Heads, Heads]]
    place: str = ""
    heard: str = ""


_STORED = TypeAdapter(_Stored)


def parsed(cursor: str | None) -> Memory:
    """Return the memory in `cursor`; an empty one when it holds none."""
    found = cursors.read(_STORED, cursor)
    if found is None:
        return Memory()
    seen = {name: Handled(*heads) for name, heads in found.seen.items()}
    return Memory(found.place, seen, found.heard)


def text(memory: Memory) -> str:
    """Return the memory as text, for `parsed`."""
    seen = {
        name: [dict(each) for each in (seen.started, seen.refused, seen.labelled)]
        for name, seen in memory.seen.items()
    }
    content = {"place": memory.place, "seen": seen, "heard": memory.heard}
    return json.dumps(content, sort_keys=True)
