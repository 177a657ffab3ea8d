"""A message as an event of PagerDuty's Events API v2; pure. All its texts are plain there.

https://developer.pagerduty.com/docs/send-alert-event
"""

from typing import Any, Literal

from deploy_project.config.values.notifications import Condition
from deploy_project.notify.message import Message
from deploy_project.notify.render.text import text

Severity = Literal["critical", "warning", "info"]
_SEVERITIES: dict[Condition, Severity] = {
    "failure": "critical",
    "warning": "warning",
    "late": "warning",
    "cancelled": "info",
}
_SUMMARY = 1_024
_DETAILS = 100_000
"""An event may have 512 KB."""


def event(message: Message) -> dict[str, Any]:
    """Return the event without its routing key.

    A success resolves the incident of its job, or of its pull request; everything else triggers
    it, and again under the same key.
    """
    severity = _SEVERITIES.get(message.condition)
    made: dict[str, Any] = {
        "event_action": "resolve" if severity is None else "trigger",
        "dedup_key": _key(message),
    }
    if severity is None:
        return made
    return {
        **made,
        "client": "deploy-project",
        "payload": {
            "summary": message.title[:_SUMMARY],
            "source": message.job or "deploy-project",
            "severity": severity,
            "timestamp": message.at.isoformat(),
            "component": message.environment,
            "group": message.project,
            "class": message.condition,
            "custom_details": {"message": text(message)[:_DETAILS]},
        },
        "links": [
            {"href": each.url, "text": each.label}
            for each in message.links
            if each.url.startswith(("https://", "http://"))
        ],
    }


def _key(message: Message) -> str:
    of = f"/{message.pull_request}" if message.pull_request is not None else ""
    return f"deploy-project/{message.project}/{message.job}{of}"[:255]
