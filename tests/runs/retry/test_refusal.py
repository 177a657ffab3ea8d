"""Where a retry goes on, and when there is none."""

from dataclasses import replace
from typing import Any

import pytest

from deploy_project.runs.model.plan import steps
from deploy_project.runs.model.status import Status
from deploy_project.runs.retry.refusal import Past, done, refusal, remaining, repeated, unsupported
from tests.support.deployments.jobs import job
from tests.support.history.retries import FAILED, FRESHNESS, LINT, STEPS, record, records


@pytest.mark.parametrize(
    ("signs", "left_out", "goes_on"),
    [
        ("++++!...", ["source_freshness"], ["dbt_seed", "dbt_build", "dbt_test", "generate_docs"]),
        ("+++!+!..", ["source_freshness", "dbt_seed"], ["dbt_build", "dbt_test", "generate_docs"]),
        ("+++++x..", ["source_freshness", "dbt_seed"], ["dbt_build", "dbt_test", "generate_docs"]),
        ("...==!..", ["source_freshness", "dbt_seed"], ["dbt_build", "dbt_test", "generate_docs"]),
        ("+++x....", [], ["source_freshness", "dbt_seed", "dbt_build", "dbt_test"]),
        ("!.......", [], ["source_freshness", "dbt_seed", "dbt_build", "dbt_test"]),
        ("+++++++x", ["source_freshness", "dbt_seed", "dbt_build", "dbt_test"], ["generate_docs"]),
        (
            "+++++++!",
            [*("source_freshness", "dbt_seed", "dbt_build", "dbt_test", "generate_docs")],
            [],
        ),
        ("++++.+..", ["source_freshness"], ["dbt_seed", "dbt_build", "dbt_test", "generate_docs"]),
    ],
    ids=[
        *("first command", "stale sources did not fail it", "cancelled", "a retry of a retry"),
        *(
            "cancelled before its commands",
            "no commit",
            "cancelled in the docs",
            "failed at its end",
        ),
        "what comes after a gap is done again",
    ],
)
def test_a_retry_leaves_out_what_was_done_before_the_failure(
    signs: str, left_out: list[str], goes_on: list[str]
):
    before = records(signs)
    assert [each.key for each in done(STEPS, before)] == left_out
    assert [each.key for each in remaining(STEPS, before)][: len(goes_on)] == goes_on


def test_a_command_that_has_changed_since_is_not_done():
    before = records("+++++!..")
    before[4] = replace(before[4], arguments=("seed", "--select", "one"))
    assert remaining(STEPS, before)[0].key == "dbt_seed"


PREPARED = steps(
    job("dbt deps --upgrade", "dbt run", "dbt clean", "dbt --quiet deps", "dbt build", "dbt deps")
)


@pytest.mark.parametrize(
    ("signs", "left_out", "again", "goes_on"),
    [
        ("++++!....", [], ["dbt_deps_2"], "dbt_run"),
        ("+++++++!.", ["dbt_run"], ["dbt_deps_2", "dbt_clean", "dbt_deps_3"], "dbt_build"),
        ("+++++x...", ["dbt_run"], ["dbt_deps_2"], "dbt_clean"),
        ("+++!.....", [], [], "dbt_deps_2"),
        ("++++++!..", ["dbt_run"], ["dbt_deps_2", "dbt_clean"], "dbt_deps_3"),
    ],
    ids=["first", "before a build", "cancelled in clean", "deps has failed", "after clean"],
)
def test_a_jobs_own_deps_and_clean_are_repeated(
    signs: str, left_out: list[str], again: list[str], goes_on: str
):
    """A retry has a copy of the files of its own, on which the other run's deps did not work."""
    before = [record(step, sign) for step, sign in zip(PREPARED, signs, strict=True)]
    assert [each.key for each in done(PREPARED, before)] == left_out
    assert [each.key for each in repeated(PREPARED, before)] == again
    assert remaining(PREPARED, before)[0].key == goes_on


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        *((command, None) for command in ("build", "compile", "clone", "docs generate", "seed")),
        *((command, None) for command in ("--log-level debug build", "-t source docs generate")),
        *((command, None) for command in ("snapshot", "test", "run", "run-operation load")),
        *(("--warn-error build", None), ("docs --quiet generate", None)),
        *(
            (command, "RETRY_UNSUPPORTED_CMD")
            for command in (
                "source freshness",
                "ls",
                "deps",
                "debug",
                "retry",
                "docs serve",
                "show",
            )
        ),
    ],
)
def test_the_commands_that_dbt_can_retry(command: str, reason: str | None):
    found = unsupported(command.split(), "1.10.*", run_id="r")
    assert (found.reason if found else None) == reason


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        *(("1.5.11", "RETRY_UNSUPPORTED_VERSION"), ("1.6.0", None), ("1.11.16", None)),
        *(("1.10.*", None), ("1.5.*", "RETRY_UNSUPPORTED_VERSION"), ("", None)),
        ("2.0.0-preview.12", None),
    ],
)
def test_the_versions_of_dbt_that_can_retry(version: str, reason: str | None):
    found = unsupported(["build"], version, run_id="r")
    assert (found.reason if found else None) == reason


@pytest.mark.parametrize(
    ("past", "reason"),
    [
        (FAILED, None),
        (replace(FAILED, status="Cancelled"), None),
        *(
            (replace(FAILED, status=each), "RETRY_NOT_FAILED_RUN")
            for each in ("Success", "Running")
        ),
        (replace(FAILED, status="Queued", latest="newer"), "RETRY_NOT_FAILED_RUN"),
        (replace(FAILED, has_results=False), "RETRY_NO_RUN_RESULTS"),
        (replace(FAILED, records=records("+++++++!")), "RETRY_NO_RUN_RESULTS"),
        (replace(FAILED, latest="newer"), "RETRY_NOT_LATEST_RUN"),
        (replace(FAILED, has_results=False, latest="newer"), "RETRY_NO_RUN_RESULTS"),
        (
            replace(
                FAILED,
                steps=PREPARED,
                records=[record(*each) for each in zip(PREPARED, "+++!.....", strict=True)],
                has_results=False,
            ),
            None,
        ),
        (
            replace(
                FAILED,
                steps=FRESHNESS,
                records=[record(each, sign) for each, sign in zip(FRESHNESS, "+++!", strict=True)],
            ),
            "RETRY_UNSUPPORTED_CMD",
        ),
        (
            replace(
                FAILED,
                records=[
                    replace(each, dbt_version="1.5.2" if each.key == "dbt_build" else "")
                    for each in FAILED.records
                ],
            ),
            "RETRY_UNSUPPORTED_VERSION",
        ),
        (
            replace(
                FAILED,
                steps=LINT,
                records=[record(each, sign) for each, sign in zip(LINT, "+++!.", strict=True)],
            ),
            "RETRY_UNSUPPORTED_CMD",
        ),
    ],
    ids=[
        *("failed", "cancelled", "succeeded", "running", "queued", "killed", "failed at its end"),
        *(
            "older",
            "older and killed",
            "the job's own deps",
            "a command dbt cannot retry",
            "an old dbt",
            "lint",
        ),
    ],
)
def test_the_five_refusals(past: Past, reason: str | None):
    refused = refusal(past)
    assert (refused.reason if refused else None) == reason
    assert refused is None or past.run_id in refused.sentence


def test_a_run_that_ended_before_its_commands_has_left_nothing_to_go_on_from():
    """`dbt retry` does not know `dbt source freshness`; but that never began."""
    before = replace(FAILED, steps=STEPS, records=records("!......."), has_results=False)
    refused = refusal(before)
    assert refused is not None
    assert refused.reason == "RETRY_NO_RUN_RESULTS"
    assert "it never began" in refused.sentence


def sentence(past: Past) -> str | None:
    refused = refusal(past)
    return refused.sentence if refused else None


KNOWN = "build, clone, compile, docs generate, run, run-operation, seed, snapshot, test"
WHOLE = "`deploy-project retry r --from-start` runs the whole job again"


def failed_at(first: str, sign: str, **more: Any) -> Past:
    """The run of a job whose own steps begin with `first`, which ended as `sign` says."""
    own = steps(job(first, "dbt run", "dbt test"))
    signs = f"+++{sign}.."
    ended = [record(step, each) for step, each in zip(own, signs, strict=True)]
    return replace(FAILED, steps=own, records=ended, **more)


@pytest.mark.parametrize(
    ("past", "told"),
    [
        (
            replace(FAILED, status=Status.RUNNING),
            "run r is Running; only a run that has ended with Error or Cancelled has a failure to "
            f"go on from; {WHOLE}",
        ),
        (
            failed_at("dbt source freshness --select a", "!"),
            "`dbt source freshness --select a` of run r can't be resumed: `dbt retry` knows "
            f"{KNOWN}; {WHOLE}",
        ),
        (
            replace(
                FAILED, records=[replace(each, dbt_version="1.5.2") for each in FAILED.records]
            ),
            "run r used dbt 1.5.2, and `dbt retry` came with dbt 1.6; set a newer "
            f"`dbt_version:`; {WHOLE}",
        ),
        (
            replace(
                FAILED,
                steps=LINT,
                records=[record(each, sign) for each, sign in zip(LINT, "+++!.", strict=True)],
            ),
            "nothing of run r is left to go on from: 'Lint SQL' has failed, before anything was "
            f"built; {WHOLE}",
        ),
        (
            replace(FAILED, records=records("+++++++!")),
            "every command of run r has succeeded: it has failed at its end, for which the run's "
            f"record has the reason; {WHOLE}",
        ),
        (
            failed_at("dbt build --select a", "x", has_results=False),
            "`dbt build --select a` of run r has left no run_results.json: it never began, was "
            f'killed, or could not parse the project; {WHOLE}, and "Re-execute from failure" in '
            "the UI runs that command whole and then those after it",
        ),
        (
            replace(FAILED, latest="newer"),
            "run r is not the latest one of its job, newer is; look at that one first: what it has "
            "built is built again",
        ),
    ],
    ids=["running", "unsupported", "old dbt", "lint", "failed at its end", "killed", "older"],
)
def test_a_refusal_tells_the_run_the_command_and_the_way_out(past: Past, told: str):
    """A refusal could name another command, or a way out for no run, and no test noticed."""
    assert sentence(past) == told


def test_a_step_without_a_record_does_not_pass_for_done():
    """A list of records that ended too early could have counted all steps after it as done."""
    with pytest.raises(ValueError, match="shorter"):
        remaining(STEPS, records("++++++++")[:-1])
