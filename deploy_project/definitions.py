"""The code location that Dagster loads: it makes `defs` from the deployed pointers."""

import json
import sys

from deploy_project.config.environment import addressed, settings, variable
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.orchestration.internals.run_process import (
    RUN_ARGUMENTS,
    executed_job,
    executed_run,
)
from deploy_project.orchestration.processes import asked, shortcuts
from deploy_project.runs.model.overrides import job_name

_settings = settings()
_settings.state.prepare()
_deployment = addressed(load_deployment(_settings.config_file, state=_settings.state.root))
_only = executed_job(sys.argv, variable(RUN_ARGUMENTS))
_job = asked.job_of(_only or "", variable(asked.VARIABLE), _deployment)
if _job is None and _only in [*map(job_name, _deployment.environments)]:  # another launcher's
    _run = executed_run(sys.argv, variable(RUN_ARGUMENTS))
    _job = asked.job_of(_only or "", asked.told(_run) if _run is not None else None, _deployment)
if _job is not None:
    shortcuts.start_dbt(_job, _settings.state)
    shortcuts.end_at_once()

# dbt is being imported meanwhile, in a process of its own: these take as long.
from deploy_project.orchestration.internals.console import say_failures_once  # noqa: E402
from deploy_project.orchestration.internals.pinning import pinned  # noqa: E402
from deploy_project.orchestration.internals.run_process import executed_selection  # noqa: E402
from deploy_project.orchestration.listeners import LISTENERS  # noqa: E402
from deploy_project.orchestration.location import (  # noqa: E402
    definitions,
    deployed_pointers,
    log_warnings,
    spare_dbt,
)
from deploy_project.orchestration.processes import revival  # noqa: E402
from deploy_project.orchestration.processes.remote_commit import restored  # noqa: E402
from deploy_project.runs.instance.identity import Identity  # noqa: E402

_told = pinned(
    "deploy/pointers", lambda: json.dumps(deployed_pointers(_deployment, _settings.state))
)
_pointers: dict[str, str] = json.loads(_told)
if _only is not None and _job is None:  # by hand, perhaps on another machine than the code server's
    _pointers = restored(
        _deployment,
        _settings.state,
        _pointers,
        lambda: executed_selection(sys.argv, variable(RUN_ARGUMENTS)),
    )

if _only is not None:
    say_failures_once()
else:  # a run tells what is off of its own job
    log_warnings(_deployment)
    if __name__ in sys.argv:  # else a module of somebody's may have assets of dagster-dbt, too
        spare_dbt(_deployment)

with shortcuts.kept():
    defs = definitions(
        _deployment, _settings.state, pointers=_pointers, listeners=LISTENERS, only=_only
    )

if revival.is_code_server(sys.argv):
    revival.watch(_deployment.dagster_url, Identity.of(_deployment).metadata)
