"""A message as JSON for programs; pure."""

import json
from typing import Any

from deploy_project.notify.message import Message


def body(message: Message) -> bytes:
    """Return the body of a post: the names of the run, and all that other media show."""
    content: dict[str, Any] = {
        "event": f"run.{message.condition}",
        "run_id": message.run_id,
        "run_number": message.number,
        "job": message.job,
        "environment": message.environment,
        "project": message.project,
        "pull_request": message.pull_request,
        "ended_at": message.at.isoformat(),
        "title": message.title,
        "facts": [{"name": each.name, "value": each.value} for each in message.facts],
        "sections": [
            {
                "title": section.title,
                "items": [
                    {"heading": item.heading, "text": item.text, "note": item.note}
                    for item in section.items
                ],
            }
            for section in message.sections
        ],
        "links": [{"label": each.label, "url": each.url} for each in message.links],
    }
    return json.dumps(content, indent=2).encode()  # escapes invalid Unicode
