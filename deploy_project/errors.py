"""Every error this package raises on purpose.

DeployError
├── ConfigError      the YAML files or the environment are wrong; a human must edit something
├── GitError         git refused, or the remote could not be reached
│   ├── RemoteError      the remote could not be asked: it is away, or does not let us in
│   └── ConflictError    a pull request and its base branch can't be merged
├── DbtError         dbt exited with a failure, or could not be started
│   └── VersionError     there is no such version of dbt, or none of its adapter for it
├── LintError        SQLFluff found violations, or could not look for them
├── ArtifactError    an artifact could not be written, read or found
├── RunIndexError    the index of runs could not be used; only reads get slower
├── DeliveryError    a message could not be handed over; it is tried again
└── LaunchError      Dagster could not be asked to start, show or end a run
"""


class DeployError(Exception):
    """Root of the hierarchy: catch this at a boundary, never in the middle."""


class ConfigError(DeployError):
    """The YAML files or the environment are wrong; a human must edit something."""


class GitError(DeployError):
    """git refused, or the remote could not be reached; the text carries git's own words."""


class RemoteError(GitError):
    """The remote does not answer: it is away, or does not let us in."""


class ConflictError(GitError):
    """A pull request and its base branch have changed the same lines."""


class DbtError(DeployError):
    """dbt exited with a failure, or could not be started."""


class VersionError(DbtError):
    """There is no such version of dbt, or no version of its adapter that goes with it."""


class LintError(DeployError):
    """SQLFluff found violations of the repository's rules, or could not look for them."""


class ArtifactError(DeployError):
    """An artifact could not be written, read or found."""


class RunIndexError(DeployError):
    """The index of runs could not be used; reads ask Dagster instead, and get slower."""


class DeliveryError(DeployError):
    """A message could not be handed over to its channel.

    `is_refusal` tells that the channel has answered, and takes others perhaps; `wait_seconds` is
    the pause that it has asked for.
    """

    def __init__(self, text: str, *, is_refusal: bool = False, wait_seconds: float = 0) -> None:
        super().__init__(text)
        self.is_refusal = is_refusal
        self.wait_seconds = wait_seconds


class LaunchError(DeployError):
    """Dagster could not be asked to start, show or end a run."""
