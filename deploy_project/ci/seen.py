"""What the sensor of pull requests remembers, as text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy_project.ci.plan import Heads, Seen


@dataclass(frozen=True)
class Memory:
    """What one tick leaves to the next."""

    place: str = ""
    """The cursor of the last listing."""
    seen: Mapping[str, Seen] = field(default_factory=dict[str, Seen])
    """What was dealt with, by job."""
    heard: str = ""
    """The last ring of the bell that was answered."""


def parsed(cursor: str | None) -> Memory:
    """Return what `text` has written; without it, nothing was seen yet."""
    if not cursor:
        return Memory()
    found = json.loads(cursor)
    seen = {name: Seen(*map(_heads, each)) for name, each in found["seen"].items()}
    return Memory(found["place"], seen, found.get("heard", ""))


def text(memory: Memory) -> str:
    """Return what `parsed` reads."""
    seen = {
        name: [dict(each) for each in (seen.started, seen.refused, seen.labelled)]
        for name, seen in memory.seen.items()
    }
    content = {"place": memory.place, "seen": seen, "heard": memory.heard}
    return json.dumps(content, sort_keys=True)


def _heads(found: Mapping[str, str]) -> Heads:
    return {int(number): head for number, head in found.items()}
