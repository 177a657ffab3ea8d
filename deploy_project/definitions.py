"""The code location: what Dagster loads."""

import json
import sys

from deploy_project.config.environment import settings, variable
from deploy_project.config.loading import load_deployment
from deploy_project.orchestration import revival
from deploy_project.orchestration.internals import RUN_ARGUMENTS, executed_job, pinned
from deploy_project.orchestration.location import definitions, deployed_pointers
from deploy_project.runs import shortcuts

_settings = settings()
_settings.state.prepare()
_deployment = load_deployment(_settings.config_file, state=_settings.state.root)
_only = executed_job(sys.argv, variable(RUN_ARGUMENTS))
_job = _deployment.jobs.get(_only or "")
if _job is not None:
    shortcuts.start_dbt(_job)
    shortcuts.end_at_once()

_pointers = pinned(
    "deploy/pointers", lambda: json.dumps(deployed_pointers(_deployment, _settings.state))
)

with shortcuts.kept():
    defs = definitions(_deployment, _settings.state, pointers=json.loads(_pointers), only=_only)

if revival.is_code_server(sys.argv):
    revival.watch(_deployment.dagster_url)
