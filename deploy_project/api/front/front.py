"""The front: the value that all routes share."""

from dataclasses import dataclass, field

from deploy_project.api.front.following import Configuration
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
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
    def artifacts(self) -> Artifacts:
        """The artifacts, at the root that is configured now."""
        return Artifacts.of(self.deployment, self.state)

    @property
    def dagster(self) -> Dagster:
        """The running Dagster of the deployment."""
        return Dagster.of(self.deployment, self.runs.instance, self.assurance)
