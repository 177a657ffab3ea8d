"""What Dagster's console logger says of a failure."""

import logging
from collections.abc import Generator

import dagster as dg
import pytest

from deploy_project.orchestration.internals.console import say_failures_once


@pytest.fixture(autouse=True)
def once() -> Generator[None]:
    before = logging.getLoggerClass()
    say_failures_once()
    yield
    logging.setLoggerClass(before)


def said(capsys: pytest.CaptureFixture[str], error: Exception) -> tuple[str, str]:
    """Return what is printed of a step that raises `error`, and of the end of its run."""

    @dg.op
    def build() -> None:
        raise error

    @dg.job
    def nightly() -> None:
        build()

    assert not nightly.execute_in_process(raise_on_error=False).success
    step, _, run = capsys.readouterr().err.partition("STEP_FAILURE")[2].partition("RUN_FAILURE")
    return step, run


@pytest.mark.parametrize(
    "error", [dg.Failure("no such table", metadata={"status": "Error"}), KeyError("no such table")]
)
def test_a_failure_is_told_by_the_end_of_the_run(
    capsys: pytest.CaptureFixture[str], error: Exception
):
    """Message and stack trace came twice."""
    step, run = said(capsys, error)
    assert 'Execution of step "build" failed.' in step
    assert ("no such table" in step, "Stack Trace:" in step) == (False, False)
    assert ("no such table" in run, "Stack Trace:" in run) == (True, True)


def test_a_timeout_is_told_by_its_step(capsys: pytest.CaptureFixture[str]):
    """Its run is cancelled, and the end of a cancelled run tells no error."""
    error = dg.Failure("This run timed out after 60 seconds", metadata={"status": "Cancelled"})
    step, _ = said(capsys, error)
    assert "This run timed out after 60 seconds" in step


def test_other_events_and_lines_are_whole(capsys: pytest.CaptureFixture[str]):
    @dg.op
    def build(context: dg.OpExecutionContext) -> None:
        context.log.warning("one\n\ntwo")

    @dg.job
    def nightly() -> None:
        build()

    assert nightly.execute_in_process().success
    assert "one\n\ntwo" in capsys.readouterr().err
