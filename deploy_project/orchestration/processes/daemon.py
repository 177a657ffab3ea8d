"""Checks whether Dagster's daemon is alive, takes runs, and has evaluated a sensor."""

import time

import dagster as dg

_FRESH_SECONDS = 75
"""Its daemons give a sign of life every 30 seconds."""


def is_alive(instance: dg.DagsterInstance) -> bool:
    """Whether something evaluates the sensors of `instance`."""
    return _beats(instance, "SENSOR")


def takes_from_queue(instance: dg.DagsterInstance) -> bool:
    """Whether something takes runs from the queue of `instance`."""
    return _beats(instance, "QUEUED_RUN_COORDINATOR")


def _beats(instance: dg.DagsterInstance, daemon: str) -> bool:
    beat = instance.get_daemon_heartbeats().get(daemon)
    return beat is not None and time.time() - beat.timestamp < _FRESH_SECONDS


def has_ticked(instance: dg.DagsterInstance, sensor: str) -> bool:
    """Whether the sensor called `sensor` has been evaluated at least once."""
    return any(
        each.name == sensor and getattr(each.instigator_data, "cursor", None) is not None
        for each in instance.all_instigator_state()
    )
