"""The listeners to the ends of runs, in their order: all that follows a run, once it has facts."""

from collections.abc import Sequence

from deploy_project.orchestration.jobs.deployed_comment import tell_deployed
from deploy_project.orchestration.jobs.indexing import index_run
from deploy_project.orchestration.jobs.pull_request_comment import tell_end
from deploy_project.orchestration.jobs.run_end import EndListener

LISTENERS: Sequence[EndListener] = (index_run, tell_end, tell_deployed)
