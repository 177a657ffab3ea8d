"""The deployment as answers show it."""

from dataclasses import dataclass
from datetime import datetime

from deploy_project.config.values.deployment import Account, Deployment


@dataclass(frozen=True)
class Known:
    """The deployment, and the time of its file: when all that it configures was made."""

    deployment: Deployment
    since: datetime

    @property
    def account(self) -> Account:
        """The account of everything."""
        return self.deployment.account
