"""Dagster's console output of a failure: once, though Dagster repeats a step's for its run.

Dagster makes its console logger before anybody of ours is asked, by `logging.getLoggerClass()`.
"""

import logging

import dagster as dg


def say_failures_once() -> None:
    """Have loggers that are made from now on shorten what Dagster repeats; events stay whole."""
    logging.setLoggerClass(_OnceLogger)


class _OnceLogger(logging.Logger):
    """Shortens records of Dagster's events; passes on all others as they are."""

    def handle(self, record: logging.LogRecord) -> None:
        """Hand on the record, without what was said before."""
        event = getattr(record, "dagster_event", None)
        if isinstance(event, dg.DagsterEvent) and _repeats(event):
            record.msg, record.args = record.getMessage().partition("\n\n")[0], ()
        super().handle(record)


def _repeats(event: dg.DagsterEvent) -> bool:
    """Return whether the event ends a run with the error of a step, which that has told."""
    if event.event_type is not dg.DagsterEventType.RUN_FAILURE:
        return False
    return event.job_failure_data.first_step_failure_event is not None
