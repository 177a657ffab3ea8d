"""Dagster's freshness policies of models, from dbt's configuration and `meta`; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import dagster as dg

from deploy_project.orchestration.nodes.node_facts import NodeEntry, dagster_meta, mapping, meta

_PERIODS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
_NEVER = timedelta(days=3650)
"""Stands for a missing `error_after`: a policy of Dagster's has to fail at some time."""


@dataclass(frozen=True)
class Freshness:
    """A policy, or a note why the configured one is ignored; neither when none is configured."""

    policy: dg.FreshnessPolicy | None = None
    note: str | None = None


def freshness(node: NodeEntry) -> Freshness:
    """Return the freshness policy of a model, from its configuration.

    `meta.dagster.freshness` goes before `meta.freshness`, both written as a source's `freshness`
    is; then comes dbt's own `freshness.build_after`, which makes the model late after one such
    interval and failing after two. Nonsense is a note and never an error: one model's typing
    mistake must not keep all of them from loading.
    """
    config = mapping(node.get("config"))
    written = dagster_meta(node).get("freshness") or meta(node).get("freshness")
    try:
        if written:
            return Freshness(_criteria(written))
        return Freshness(_build_after(mapping(config.get("freshness")).get("build_after")))
    except (ValueError, OverflowError) as error:
        return Freshness(note=f"freshness is ignored: {error}")


def _criteria(written: object) -> dg.FreshnessPolicy | None:
    if not isinstance(written, Mapping):
        raise ValueError(f"{written!r} is not a mapping of warn_after and error_after")
    criteria = mapping(cast("object", written))
    warn, fail = _window(criteria.get("warn_after")), _window(criteria.get("error_after"))
    if warn is None and fail is None:
        raise ValueError(f"neither warn_after nor error_after is in {dict(criteria)!r}")
    return _policy(warn, fail or _NEVER)


def _build_after(written: object) -> dg.FreshnessPolicy | None:
    interval = _window(written)
    return _policy(interval, interval * 2) if interval else None


def _policy(warn: timedelta | None, fail: timedelta) -> dg.FreshnessPolicy:
    # dbt allows a warning that comes no sooner than the error; nobody would ever see it.
    return dg.FreshnessPolicy.time_window(
        fail_window=fail, warn_window=warn if warn and warn < fail else None
    )


def _window(written: object) -> timedelta | None:
    threshold = mapping(written)
    count, period = threshold.get("count"), threshold.get("period")
    if not written or (count is None and period is None):
        return None
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ValueError(f"count is {count!r}, not a whole number of 1 or more")
    if not isinstance(period, str) or period not in _PERIODS:
        raise ValueError(f"period is {period!r}, none of {', '.join(_PERIODS)}")
    return _PERIODS[period] * count


def threshold_text(written: object) -> str | None:
    """Return dbt's `{count, period}` in words, such as `12 hours`; None when there is none."""
    threshold = mapping(written)
    count, period = threshold.get("count"), threshold.get("period")
    if count is None or period is None:
        return None
    return f"{count} {period}" if count == 1 else f"{count} {period}s"


def has_criteria(source: NodeEntry) -> bool:
    """Return whether `dbt source freshness` measures this source."""
    written = mapping(source.get("freshness"))
    return any(threshold_text(written.get(name)) for name in ("warn_after", "error_after"))
