"""The identity of a deployment, published by its code location to tell its Dagster from others.

Dagsters are taken for each other easily: all of them have the same port, and ours the same code
location. Two are one deployment when they have one history and are configured alike, wherever their
files are: several machines may run one deployment, each with a state directory of its own.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from deploy_project.config.values.deployment import Deployment
from deploy_project.git.command import without_credentials
from deploy_project.runs.model.tags import LOCATION

ASSET = (LOCATION,)
"""The key of the asset that publishes the identity in its definition."""
Request = Literal["launch", "cancel", "reload"]
_REMEDY = (
    "nothing was asked of it; set `dagster_url:` in deploy.yaml to where the webserver of this "
    "deployment is, or start one there"
)


@dataclass(frozen=True)
class Identity:
    """The identity of a deployment: its account and projects, and the place of its deploy.yaml."""

    machine: str
    configuration: str
    """The path of deploy.yaml on that machine."""
    account: str
    projects: tuple[str, ...]
    """The name and the repository of each, without credentials."""

    @classmethod
    def of(cls, deployment: Deployment) -> "Identity":
        """Return the identity of `deployment`, as it is configured on this machine."""
        return cls(
            machine=platform.node(),
            configuration=str(deployment.source),
            account=deployment.account.name,
            projects=tuple(
                sorted(
                    f"{each.name}: {without_credentials(each.repository)}"
                    for each in deployment.projects.values()
                )
            ),
        )

    @classmethod
    def published(cls, metadata: Mapping[str, str]) -> "Identity | None":
        """Return the identity in `metadata`; None when there is none."""
        if not metadata.keys() >= {"machine", "configuration", "account", "projects"}:
            return None
        return cls(
            machine=metadata["machine"],
            configuration=metadata["configuration"],
            account=metadata["account"],
            projects=tuple(metadata["projects"].splitlines()),
        )

    @property
    def metadata(self) -> dict[str, str]:
        """The texts that `published` reads."""
        return {
            "machine": self.machine,
            "configuration": self.configuration,
            "account": self.account,
            "projects": "\n".join(self.projects),
        }

    def is_of(self, other: "Identity") -> bool:
        """Return whether both may be of one deployment.

        They are when they come from one file, which may have been edited since, or else from
        copies of it: those have a project in common.
        """
        mine, its = (self.machine, self.configuration), (other.machine, other.configuration)
        return mine == its or not set(self.projects).isdisjoint(other.projects)

    def __str__(self) -> str:
        return f"account {self.account!r}, {self.configuration} on {self.machine}"


@dataclass(frozen=True)
class Answer:
    """The code locations of a Dagster, with the state and identity of ours."""

    locations: Sequence[str]
    """The names of all its code locations."""
    problem: str = ""
    """The error of loading ours; empty when it is loaded."""
    identity: Identity | None = None


def refusal(url: str, here: Identity, answer: Answer, *, wish: Request) -> str:
    """Return the error message for a Dagster that can't be this deployment's; empty if it may be.

    A location that is not loaded says nothing of itself: no run can be started there, but it can be
    loaded again, and runs be cancelled.
    """
    if LOCATION not in answer.locations:
        found = ", ".join(map(repr, answer.locations)) or "none"
        return (
            f"the Dagster at {url} is not that of this deployment ({here}): it has no code "
            f"location {LOCATION!r}, its code locations: {found}; {_REMEDY}"
        )
    there = answer.identity
    if there is not None:
        return "" if here.is_of(there) else another(url, here, there)
    if wish != "launch":
        return ""
    if answer.problem:
        return (
            f"Dagster at {url} could not load the code location {LOCATION!r}: {answer.problem}; "
            "correct that, and reload the location in the UI"
        )
    return (
        f"the code location {LOCATION!r} of the Dagster at {url} does not say which deployment it "
        f"is of, so it may not be this one ({here}): it was loaded by an older version; reload it "
        "in the UI, or with `deploy-project deploy`"
    )


def another(url: str, here: Identity, there: Identity) -> str:
    """Return the error message for a Dagster of another deployment."""
    return (
        f"the Dagster at {url} is that of another deployment ({there}), not of this one ({here}); "
        f"{_REMEDY}"
    )


def another_history(url: str, here: Identity, there: Identity | None, *, history: str) -> str:
    """Return the error message for a Dagster that does not work on the `history` here."""
    theirs = f" ({there})" if there is not None else ""
    return (
        f"the Dagster at {url}{theirs} keeps another history than this deployment ({here}), whose "
        f"history is that of {history}; {_REMEDY}"
    )
