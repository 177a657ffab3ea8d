"""Storage and launcher, as a dagster.yaml names them with `module: deploy_project.instance`.

Files of users hold this address, so it never changes, wherever the classes are.
"""

from deploy_project.orchestration.processes.launcher import ProcessLauncher
from deploy_project.orchestration.processes.storage import SqliteStorage

__all__ = ["ProcessLauncher", "SqliteStorage"]
