"""`deploy-project index`: makes the index of runs anew, from Dagster and the artifacts."""

from argparse import Namespace

from deploy_project.cli.context import loaded, past_runs
from deploy_project.errors import ConfigError
from deploy_project.orchestration.jobs.late_records import all_late_facts
from deploy_project.runs.reads.catching_up import catch_up


def make_index() -> int:
    """Make the index of runs anew, and the facts that could not be kept.

    Raises `ConfigError` where the storage bears no index.
    """
    found, deployment = loaded()
    with past_runs(found, deployment) as known:
        if known.index is None or known.artifacts is None:
            raise ConfigError(
                f"the storage named in {known.history} is neither SQLite nor Postgres, so there "
                "is no index of runs beside it; reads ask Dagster"
            )
        late = all_late_facts(known.instance, deployment, found.state)
        known.index.clear()
        written = catch_up(known.instance, known.index, known.artifacts, seconds=None)
    if late:
        print(f"Wrote `run.json` of {late} run{'' if late == 1 else 's'}, which could not before.")
    print(f"The index of runs has {written} run{'' if written == 1 else 's'}.")
    return 0


def act(_: Namespace) -> int:
    """Carry out `index` as it was given on the command line; return the exit code."""
    return make_index()
