"""The former address of `ProcessLauncher`: a dagster.yaml that still has it is told the new one."""

from deploy_project.errors import ConfigError

raise ConfigError(
    "dagster.yaml: run_launcher.module: is no address of ProcessLauncher any more, "
    f"found {__name__!r}; write `module: deploy_project.instance`"
)
