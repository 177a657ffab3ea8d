"""A message as plain text, for files and for mail that shows no HTML; pure."""

from collections.abc import Iterator

from deploy_project.notify.message import Message, Section


def text(message: Message) -> str:
    """Return a message as lines of text."""
    return "\n".join([*_lines(message), ""])


def _lines(message: Message) -> Iterator[str]:
    yield message.title
    yield ""
    width = max((len(each.name) for each in message.facts), default=0) + 2
    for fact in message.facts:
        yield f"{fact.name + ':':<{width}}{fact.value}"
    for section in message.sections:
        yield from ("", section.title)
        yield from _section(section)
    if message.links:
        yield ""
    for link in message.links:
        yield f"{link.label}: {link.url}"


def _section(section: Section) -> Iterator[str]:
    for item in section.items:
        yield f"  {item.heading}"
        yield from (f"      {line}".rstrip() for line in item.text.splitlines())
        if item.note:
            yield f"    {item.note}"
