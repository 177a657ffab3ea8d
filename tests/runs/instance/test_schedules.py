"""The last times of schedules, by Dagster's own reading of cron lines."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy_project.runs.instance.schedules import last_time, schedule_name, switched
from tests.support.deployments.jobs import job
from tests.support.history.past_runs import on_sqlite

NOW = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)  # a Monday, the last of the month


@pytest.mark.parametrize(
    ("lines", "zone", "expected"),
    [
        (["0 6 * * *"], "UTC", datetime(2026, 11, 30, 6, tzinfo=UTC)),
        (["1 6 * * *"], "UTC", datetime(2026, 11, 29, 6, 1, tzinfo=UTC)),
        (["0 6 * * *"], "Europe/Berlin", datetime(2026, 11, 30, 5, tzinfo=UTC)),
        (["0 6 * * MON#1"], "UTC", datetime(2026, 11, 2, 6, tzinfo=UTC)),
        (["30 5 L * *"], "UTC", datetime(2026, 11, 30, 5, 30, tzinfo=UTC)),
        (["0 6 * * SAT", "0 7 * * SUN"], "UTC", datetime(2026, 11, 29, 7, tzinfo=UTC)),
        ([], "UTC", None),
    ],
)
def test_the_last_time_of_a_schedule(lines: list[str], zone: str, expected: datetime | None):
    assert last_time(job("dbt build", cron=tuple(lines), timezone=zone), NOW) == expected


class State:
    """A schedule as Dagster's storage has it."""

    def __init__(self, name: str, status: str) -> None:
        self.name, self.status = name, SimpleNamespace(value=status)


def test_schedules_that_somebody_has_switched(tmp_path: Path):
    states = [State("a", "RUNNING"), State("b", "STOPPED"), State("c", "DECLARED_IN_CODE")]
    instance: Any = SimpleNamespace(all_instigator_state=lambda: states)
    assert switched(instance) == {"a": True, "b": False}
    with on_sqlite(tmp_path) as real:
        assert switched(real) == {}
    assert schedule_name(job("dbt build")) == "prod__daily_schedule"
