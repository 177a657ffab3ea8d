"""The deployment as answers show it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from deploy_project.config.values.deployment import Account, Deployment, Job


@dataclass(frozen=True)
class Known:
    """The deployment, and the time of its file: when all that it configures was made."""

    deployment: Deployment
    since: datetime
    sees: Callable[[Job], bool] = lambda _: True
    """Whether the token of the request sees a job."""

    @property
    def account(self) -> Account:
        """The account of everything."""
        return self.deployment.account
