"""The tags that Dagster's run queue has rules for, to notice when ours are missing."""

import dagster as dg


def queue_rules(instance: dg.DagsterInstance) -> frozenset[str] | None:
    """Return the tags that the run queue of `instance` has rules for; None without a queue."""
    queue = instance.get_concurrency_config().run_queue_config
    if queue is None or not isinstance(instance.run_coordinator, dg.QueuedRunCoordinator):
        return None
    return frozenset(rule["key"] for rule in queue.tag_concurrency_limits)
