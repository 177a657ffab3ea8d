"""Every error this package raises on purpose.

DeployError
├── ConfigError      the YAML files or the environment are wrong; a human must edit something
├── GitError         git refused, or the remote could not be reached
├── DbtError         dbt exited with a failure, or could not be started
├── ArtifactError    an artifact could not be written, read or found
└── LaunchError      Dagster could not be asked to start, show or end a run
"""


class DeployError(Exception):
    """Root of the hierarchy: catch this at a boundary, never in the middle."""


class ConfigError(DeployError):
    """The YAML files or the environment are wrong; a human must edit something."""


class GitError(DeployError):
    """git refused, or the remote could not be reached; the text carries git's own words."""


class DbtError(DeployError):
    """dbt exited with a failure, or could not be started."""


class ArtifactError(DeployError):
    """An artifact could not be written, read or found."""


class LaunchError(DeployError):
    """Dagster could not be asked to start, show or end a run."""
