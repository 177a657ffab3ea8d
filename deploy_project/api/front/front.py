"""The front: the value that all routes share."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from deploy_project.api.auth.last_use import LastUse
from deploy_project.api.front.following import Configuration
from deploy_project.api.front.known import Known
from deploy_project.api.front.reloads import Reloads
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Job
from deploy_project.runs.instance.launching import Assurance, Dagster
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.store.artifacts import Artifacts


@dataclass(frozen=True)
class Front:
    """The configuration, the state, the runs and the artifacts that the server answers from."""

    configuration: Configuration
    state: StateDirectory
    runs: Runs
    """Over one Dagster's instance, which is open for the server's life."""
    assurance: Assurance = field(default_factory=Assurance)

    @property
    def deployment(self) -> Deployment:
        """The deployment as it is now; a handler reads it once."""
        return self.configuration.deployment

    @property
    def known(self) -> Known:
        """The deployment as answers show it, with the time when deploy.yaml was changed last."""
        deployment = self.deployment
        try:
            changed = deployment.source.stat().st_mtime
        except OSError:  # it is away for a moment, and the one before stays in force
            changed = 0.0
        return Known(deployment, datetime.fromtimestamp(changed, UTC))

    @property
    def artifacts(self) -> Artifacts:
        """The artifacts, at the root that is configured now."""
        return Artifacts.of(self.deployment, self.state)

    @property
    def dagster(self) -> Dagster:
        """The running Dagster of the deployment."""
        return Dagster.of(self.deployment, self.runs.instance, self.assurance)

    @cached_property
    def reloads(self) -> Reloads:
        """The reloads of Dagster's code location, after jobs were changed here."""
        return Reloads(self.state, lambda: self.dagster)

    @cached_property
    def last_use(self) -> LastUse:
        """The last use of each token."""
        return LastUse(self.state)

    def end(self) -> None:
        """End reloads, and write the last uses of tokens."""
        self.reloads.end()
        self.last_use.end()

    def has_loaded(self, job: Job) -> bool:
        """Whether Dagster has loaded a job as it is now, as far as it was changed over the API."""
        over_api = job.written is not None and job.written.over_api
        return not over_api or self.reloads.are_done
