"""The pace of the sensors that ask a remote: about every half minute, at once after the bell."""

from deploy_project.config.values.deployment import Project

ASKING_SECONDS = 30
"""How often a remote or site is asked without being told to."""
HEARING_SECONDS = 5
"""The interval of a sensor whose bell a hook rings; Dagster's daemon looks every five seconds."""


def interval_seconds(project: Project, *, otherwise: int) -> int:
    """Return the seconds between two ticks: fewer where hooks ring; most ticks then ask nothing."""
    return otherwise if project.hook_secret is None else HEARING_SECONDS


class Pace:
    """Limits the questions to a site to one in about `ASKING_SECONDS`, and one for each ring."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._heard = ""

    def is_due(self, *, now: float, ring: str = "") -> bool:
        """Return whether it is time to ask again, which then counts as done.

        `ring` is the id of the bell's last ring; a new one is a reason to ask.
        """
        is_early = self._last is not None and now - self._last < ASKING_SECONDS - 1
        if is_early and ring == self._heard:  # ticks come a little early, too
            return False
        self._last, self._heard = now, ring
        return True
