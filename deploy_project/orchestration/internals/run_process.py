"""The run, job or selection that the process of a run was started to execute.

It needs no asset of the catalog to run a job, and may have to make them for a run by hand.

Such a process asks for it first, so this imports nothing that Dagster has not imported yet.
"""

from collections.abc import Sequence
from itertools import zip_longest

import dagster as dg
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import deserialize_value

EXECUTE_RUN = ("api", "execute_run")
RUN_ARGUMENTS = "DAGSTER_EXECUTE_RUN_ARGS"
"""The variable with the arguments of `dagster api execute_run`."""


def executed_job(arguments: Sequence[str], told: str | None) -> str | None:
    """Return the job that the process with these command line arguments executes.

    `told` is the value of `RUN_ARGUMENTS`, if its launcher has set it. None when the process may
    be there for more than one job, or when nobody knows.
    """
    match arguments[1:]:
        case ["job", "execute", *options]:
            return _option(options, "-j", "--job")
        case _:
            launched = _launched(arguments, told)
            return launched.job_origin.job_name if launched is not None else None


def executed_selection(arguments: Sequence[str], told: str | None) -> frozenset[dg.AssetKey]:
    """Return the assets that the run of this process builds or checks by hand; none for a job.

    `arguments` and `told` are those of `executed_job`. Asks the instance.
    """
    run = executed_run(arguments, told)
    if run is None:
        return frozenset()
    checked = (each.asset_key for each in run.asset_check_selection or ())
    return frozenset({*(run.asset_selection or ()), *checked})


def executed_run(arguments: Sequence[str], told: str | None) -> dg.DagsterRun | None:
    """Return the run of this process as the instance has it; None without a launcher's word.

    `arguments` and `told` are those of `executed_job`.
    """
    launched = _launched(arguments, told)
    if launched is None:
        return None
    assert launched.instance_ref is not None
    with dg.DagsterInstance.from_ref(launched.instance_ref) as instance:
        return instance.get_run_by_id(launched.run_id)


def _launched(arguments: Sequence[str], told: str | None) -> ExecuteRunArgs | None:
    """Return a launcher's arguments to this process; None without any, or when unreadable."""
    match arguments[1:]:
        case ["api", "execute_run"] if told is not None:
            asked = told
        case ["api", "execute_run", text]:
            asked = text
        case _:
            return None
    try:
        return deserialize_value(asked, ExecuteRunArgs)
    except Exception:  # another version's format; Dagster will report it when it executes the run
        return None


def _option(options: Sequence[str], *names: str) -> str | None:
    for word, following in zip_longest(options, options[1:], fillvalue=""):
        name, is_joined, value = word.partition("=")
        if name in names:
            return value if is_joined else following
    return None
