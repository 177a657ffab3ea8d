"""The former address of `SqliteStorage`: importing it raises an error with the new one."""

from deploy_project.errors import ConfigError

raise ConfigError(
    "dagster.yaml: storage.custom.module: is no address of SqliteStorage any more, "
    f"found {__name__!r}; write `module: deploy_project.instance`"
)
