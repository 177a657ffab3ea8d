"""Checks whether Dagster's daemon is alive, takes runs, and has evaluated a sensor."""

import time

import dagster as dg

_FRESH_SECONDS = 75
"""Its daemons give a sign of life every 30 seconds."""
LATE_SECONDS = 45
"""After its last sign of life, the next one of a daemon that runs would have come."""
_LOOK_SECONDS = 0.5


def is_alive(instance: dg.DagsterInstance) -> bool:
    """Whether something evaluates the sensors of `instance`."""
    return _beats(instance, "SENSOR")


def gives_another_sign(instance: dg.DagsterInstance) -> bool:
    """Wait for the next sign of life; return whether it comes in time.

    The last one stays when Dagster is ended.
    """
    first = _signs(instance)
    until = max(first.values(), default=0.0) + LATE_SECONDS
    while time.time() < until:
        if any(at > first.get(daemon, 0.0) for daemon, at in _signs(instance).items()):
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def takes_from_queue(instance: dg.DagsterInstance) -> bool:
    """Whether something takes runs from the queue of `instance`."""
    return _beats(instance, "QUEUED_RUN_COORDINATOR")


def _beats(instance: dg.DagsterInstance, daemon: str) -> bool:
    return time.time() - _signs(instance).get(daemon, 0.0) < _FRESH_SECONDS


def _signs(instance: dg.DagsterInstance) -> dict[str, float]:
    """Return the time of the last sign of life of each of Dagster's daemons."""
    beats = instance.get_daemon_heartbeats()
    return {daemon: beat.timestamp for daemon, beat in beats.items()}


def has_ticked(instance: dg.DagsterInstance, sensor: str) -> bool:
    """Whether the sensor called `sensor` has been evaluated at least once."""
    return any(
        each.name == sensor and getattr(each.instigator_data, "cursor", None) is not None
        for each in instance.all_instigator_state()
    )
