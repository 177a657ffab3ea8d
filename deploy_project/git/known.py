"""The last known commit of each environment, for when the remote can't be reached (JOB-13)."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

from deploy_project.config import small_files
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Environment
from deploy_project.git.mirror import is_here
from deploy_project.git.remote import Head

KEPT = timedelta(days=8)
"""dbt Cloud keeps a cached clone for eight days."""
_NAMELESS = "HEAD"


@dataclass(frozen=True)
class Known:
    """The commit of an environment's reference when the remote was asked last."""

    repository: str
    ref: str
    commit: str
    branch: str
    at: str
    """When that was, in ISO format."""

    @property
    def age(self) -> timedelta:
        """The time since the remote was asked."""
        return datetime.now(UTC) - datetime.fromisoformat(self.at)


def remember(environment: Environment, head: Head, state: StateDirectory) -> None:
    """Store `head`, a commit that is on this machine, as the environment's last known one.

    No error is raised when it can't be written: the older one stays.
    """
    known = Known(
        repository=environment.project.repository,
        ref=environment.ref,
        commit=head.commit,
        branch=head.branch,
        at=datetime.now(UTC).isoformat(),
    )
    before = _read(environment, state)
    if head.branch == _NAMELESS and before is not None:  # somebody has learnt its name before
        known = replace(known, branch=before.branch)
    with suppress(OSError):
        file = state.known(environment.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        small_files.write_text(file, json.dumps(asdict(known)))


def recall(environment: Environment, state: StateDirectory) -> Known | None:
    """Return the last known commit; None when it is older than `KEPT` or not here any more."""
    known = _read(environment, state)
    if known is None or known.age > KEPT:
        return None
    return known if is_here(environment.project, state, known.commit) else None


def _read(environment: Environment, state: StateDirectory) -> Known | None:
    """Return the stored commit; None when it is of another repository or reference."""
    try:
        known = Known(**json.loads(state.known(environment.name).read_bytes()))
        datetime.fromisoformat(known.at)
    except (OSError, ValueError, TypeError):  # none yet, or cut off
        return None
    same = (environment.project.repository, environment.ref)
    return known if (known.repository, known.ref) == same else None
