from deploy_project.config.values.deployment import Project, Secret
from deploy_project.orchestration.triggers.pace import Pace, interval_seconds


def test_what_is_not_asked_for_waits_for_its_time():
    pace = Pace()
    due = [pace.is_due(now=now) for now in (0.0, 10.0, 20.0, 29.9, 40.0, 60.0)]
    assert due == [True, False, False, True, False, True]


def test_a_new_ring_is_due_at_once_and_only_once():
    pace = Pace()
    asked = [(0.0, "old"), (5.0, "old"), (10.0, "new"), (15.0, "new"), (40.0, "new"), (41.0, "x")]
    assert [pace.is_due(now=now, ring=ring) for now, ring in asked] == [
        *(True, False, True, False, True, True)
    ]


def test_sensors_tick_more_often_where_hooks_ring():
    """Dagster's daemon looks for due sensors every five seconds: at most ten pass after a ring."""
    quiet = Project(name="shop", id=1, repository="/r.git")
    rung = Project(name="shop", id=1, repository="/r.git", hook_secret=Secret(env="HOOK"))
    assert [interval_seconds(each, otherwise=30) for each in (quiet, rung)] == [30, 5]
