"""Shortens Dagster's console output: an error is printed with its run, not with its step too.

Dagster makes its console logger before anybody of ours is asked, by `logging.getLoggerClass()`.
"""

import logging

import dagster as dg


def say_failures_once() -> None:
    """Have loggers made from now on print an error once; stored events stay whole."""
    logging.setLoggerClass(_OnceLogger)


class _OnceLogger(logging.Logger):
    """Shortens records of Dagster's events; passes on all others as they are."""

    def handle(self, record: logging.LogRecord) -> None:
        """Handle the record, without an error that the end of the run repeats."""
        event = getattr(record, "dagster_event", None)
        if isinstance(event, dg.DagsterEvent) and _comes_again(event):
            record.msg, record.args = record.getMessage().partition("\n\n")[0], ()
        super().handle(record)


def _comes_again(event: dg.DagsterEvent) -> bool:
    """Return whether the end of the run will print the error of `event`, a step's failure.

    The step is the one to be shortened: its output goes to the console by way of its log, and what
    comes last is lost there at times. The end of a run that times out tells no error.
    """
    if event.event_type is not dg.DagsterEventType.STEP_FAILURE:
        return False
    failure = event.step_failure_data.user_failure_data
    status = failure.metadata.get("status") if failure is not None else None
    return status is None or status.value != "Cancelled"
