"""The former address of `ProcessLauncher`: importing it raises an error with the new one."""

from deploy_project.errors import ConfigError

raise ConfigError(
    "dagster.yaml: run_launcher.module: is no address of ProcessLauncher any more, "
    f"found {__name__!r}; write `module: deploy_project.instance`"
)
