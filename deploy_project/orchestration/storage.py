"""The former address of `SqliteStorage`: a dagster.yaml that still has it is told the new one."""

from deploy_project.errors import ConfigError

raise ConfigError(
    "dagster.yaml: storage.custom.module: is no address of SqliteStorage any more, "
    f"found {__name__!r}; write `module: deploy_project.instance`"
)
