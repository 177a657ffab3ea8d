"""Frozen dataclasses of the tokens that programs call the API with (DESIGN 19)."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

Permission = Literal[
    "account_admin",
    "member",
    "job_admin",
    "job_creator",
    "job_runner",
    "job_viewer",
    "metadata_only",
    "webhooks_only",
    "notification_manager",
    "override_steps",
    "override_code",
]
"""dbt Cloud's permission sets (MSC-5), and two of ours, whose names begin with `override`."""
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
REQUESTS_PER_MINUTE = 5000
"""dbt Cloud's own limit."""


@dataclass(frozen=True)
class Token:
    """One token: its permissions, and the projects and environments that they are good for."""

    name: str
    sha256: str
    """The hash of the token, 64 hexadecimal digits in lower case; the token itself is nowhere."""
    permissions: frozenset[Permission]
    projects: tuple[str, ...] = ("*",)
    """Globs of names."""
    environments: tuple[str, ...] = ("*",)
    """Globs of names."""
    expires: datetime | None = None
    """From then on it is refused; None is never."""
    email: str = ""
    """The address of its user, for mail that is asked for over the API."""
    place: str = field(default="", compare=False, repr=False)
    """The file and line that state it, for people."""

    @property
    def is_unlimited(self) -> bool:
        """Whether it is narrowed to no project or environment."""
        return "*" in self.projects and "*" in self.environments


def digest(text: str) -> str:
    """Return the hash of a token as `tokens:` in deploy.yaml has it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
