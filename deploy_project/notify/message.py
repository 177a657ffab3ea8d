"""One message on the end of a run, of no medium in particular, and its JSON form."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pydantic import AwareDatetime, TypeAdapter

from deploy_project.config.values.notifications import Condition


@dataclass(frozen=True)
class Fact:
    """A name with its value, such as the branch; the value is on one line."""

    name: str
    value: str


@dataclass(frozen=True)
class Item:
    """One entry of a section: a heading on one line, and text as dbt or git has written it."""

    heading: str
    text: str = ""
    note: str = ""
    """On one line, below the text."""


@dataclass(frozen=True)
class Section:
    """A part of a message with a title of its own."""

    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Link:
    """An address with a label of ours."""

    label: str
    url: str


@dataclass(frozen=True)
class Message:
    """One message on the end of a run."""

    run_id: str
    """Empty for one that tries a channel."""
    number: int
    job: str
    environment: str
    project: str
    pull_request: int | None
    condition: Condition
    at: AwareDatetime
    """The end of the run."""
    title: str
    facts: tuple[Fact, ...] = ()
    sections: tuple[Section, ...] = ()
    links: tuple[Link, ...] = ()
    part: str = ""
    """The name of what it tells beside others on the same run, such as one owner's part."""

    def scrubbed(self, scrub: Callable[[str], str]) -> "Message":
        """Return the message with all texts passed through `scrub`."""
        return replace(
            self,
            title=scrub(self.title),
            facts=tuple(Fact(each.name, scrub(each.value)) for each in self.facts),
            sections=tuple(
                Section(
                    each.title,
                    tuple(
                        Item(scrub(item.heading), scrub(item.text), scrub(item.note))
                        for item in each.items
                    ),
                )
                for each in self.sections
            ),
            links=tuple(Link(each.label, scrub(each.url)) for each in self.links),
        )


FORM = TypeAdapter(Message)
"""The JSON form of a message."""
