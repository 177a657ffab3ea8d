import itertools
from typing import Any

import pytest

from deploy_project.api.objects.cron_forms import FormError, cron_line, in_forms
from deploy_project.config.resolve.cron import cron_fault

HOURS = {"type": "at_exact_hours", "hours": [0, 12, 23]}
EVERY = {"type": "every_hour", "interval": 1}
CAPTURED = {
    "cron": "6 */12 * * 0,1,2,3,4,5,6",
    "date": {
        "type": "interval_cron",
        "days": [0, 1, 2, 3, 4, 5, 6],
        "cron": "6 */12 * * 0,1,2,3,4,5,6",
    },
    "time": {"type": "every_hour", "interval": 12},
}
"""The schedule of a real job object of dbt Cloud's."""


@pytest.mark.parametrize(
    ("schedule", "line"),
    [
        ({"date": {"type": "every_day"}, "time": HOURS}, "0 0,12,23 * * *"),
        ({"date": {"type": "every_day"}, "time": EVERY}, "0 * * * *"),
        ({"date": {"type": "every_day"}, "time": {"type": "every_hour"}}, "0 * * * *"),
        (
            {"date": {"type": "every_day"}, "time": {"type": "every_hour", "interval": 6}},
            "0 */6 * * *",
        ),
        (
            {"date": {"type": "every_day"}, "time": {"type": "every_hour", "interval": 24}},
            "0 0 * * *",
        ),
        (
            {"date": {"type": "days_of_week", "days": [5, 1, 1]}, "time": HOURS},
            "0 0,12,23 * * 1,5",
        ),
        (
            {
                "cron": "17 5 * * 1,2",
                "date": {"type": "days_of_week", "days": [1, 2, 3]},
                "time": {"type": "at_exact_hours", "hours": [5]},
            },
            "17 5 * * 1,2,3",
        ),
        (CAPTURED, "6 */12 * * 0,1,2,3,4,5,6"),
        (
            {
                "date": {"type": "interval_cron", "days": [1]},
                "time": {"type": "every_hour", "interval": 4},
            },
            "0 */4 * * 1",
        ),
        ({"date": {"type": "custom_cron", "cron": "0 0 L * FRI"}, "time": EVERY}, "0 0 L * FRI"),
        ({"cron": "5 4 * * *", "date": {"type": "custom_cron"}, "time": EVERY}, "5 4 * * *"),
        ({"cron": "5 4 * * *"}, "5 4 * * *"),
        ({"cron": "*/5 * * * *", "date": {"type": "every_day"}, "time": HOURS}, "0 0,12,23 * * *"),
    ],
)
def test_a_form_is_a_cron_line(schedule: dict[str, Any], line: str):
    assert cron_line(schedule) == line
    assert cron_fault(line) is None


@pytest.mark.parametrize(
    ("schedule", "key"),
    [
        ({}, "cron"),
        ({"date": {"type": "custom_cron"}, "time": EVERY}, "cron"),
        ({"date": {"type": "custom_cron", "cron": 5}, "time": EVERY}, "cron"),
        ({"date": {"type": "monthly"}, "time": EVERY}, "date.type"),
        ({"date": [], "time": "daily"}, "time"),
        ({"date": {"type": "every_day"}}, "time.type"),
        ({"date": {"type": "every_day"}, "time": {"type": "at_exact_hours"}}, "time.hours"),
        (
            {"date": {"type": "every_day"}, "time": {"type": "at_exact_hours", "hours": [24]}},
            "time.hours",
        ),
        (
            {"date": {"type": "every_day"}, "time": {"type": "at_exact_hours", "hours": [True]}},
            "time.hours",
        ),
        (
            {"date": {"type": "every_day"}, "time": {"type": "every_hour", "interval": 25}},
            "time.interval",
        ),
        ({"date": {"type": "days_of_week"}, "time": EVERY}, "date.days"),
        ({"date": {"type": "days_of_week", "days": [7]}, "time": EVERY}, "date.days"),
    ],
)
def test_a_form_without_times_is_refused_at_its_place(schedule: dict[str, Any], key: str):
    with pytest.raises(FormError) as raised:
        cron_line(schedule)
    assert raised.value.key == key


@pytest.mark.parametrize(
    ("line", "date", "time"),
    [
        ("6 */12 * * 0,1,2,3,4,5,6", CAPTURED["date"], CAPTURED["time"]),
        ("0 5 * * *", {"type": "every_day"}, {"type": "at_exact_hours", "hours": [5]}),
        (
            "0 5,17 * * 1,2",
            {"type": "days_of_week", "days": [1, 2]},
            {"type": "at_exact_hours", "hours": [5, 17]},
        ),
        (
            "0 * * * *",
            {"type": "interval_cron", "days": [0, 1, 2, 3, 4, 5, 6], "cron": "0 * * * *"},
            EVERY,
        ),
        ("0 */24 * * *", {"type": "custom_cron", "cron": "0 */24 * * *"}, EVERY),
        ("0 0 L * *", {"type": "custom_cron", "cron": "0 0 L * *"}, EVERY),
        ("0 4 * * MON#1", {"type": "custom_cron", "cron": "0 4 * * MON#1"}, EVERY),
        ("*/5 * * * *", {"type": "custom_cron", "cron": "*/5 * * * *"}, EVERY),
        ("0 4 * 7 *", {"type": "custom_cron", "cron": "0 4 * 7 *"}, EVERY),
    ],
)
def test_a_cron_line_has_the_simplest_form(line: str, date: Any, time: Any):
    assert in_forms(line) == {"cron": line, "date": date, "time": time}


ALL = [
    " ".join(fields)
    for fields in itertools.product(
        ["0", "30", "07", "*/5", "0,30"],
        ["*", "4", "04", "0,12", "12,0", "*/4", "*/12", "8-18"],
        ["*", "1", "L"],
        ["*", "7"],
        ["*", "1", "0,6", "1-5", "MON"],
    )
]


@pytest.mark.parametrize("stated", [None, CAPTURED], ids=["alone", "beside a form of another line"])
def test_no_line_changes_by_being_shown_and_sent_back(stated: dict[str, Any] | None):
    """A second plan of dbt-jobs-as-code would show a difference, and a client would undo it."""
    shown = {line: in_forms(line, stated) for line in ALL}
    assert {line: cron_line(schedule) for line, schedule in shown.items()} == {x: x for x in ALL}
    assert {line: in_forms(line, shown[line]) for line in ALL} == shown


@pytest.mark.parametrize(
    "schedule",
    [
        CAPTURED,
        {"date": {"type": "custom_cron", "cron": "0 5 * * 1,2"}, "time": EVERY},
        {"date": {"type": "days_of_week", "days": [2, 1]}, "time": HOURS},
        {"date": {"type": "every_day"}, "time": EVERY},
    ],
)
def test_a_schedule_comes_back_as_it_was_sent(schedule: dict[str, Any]):
    shown = in_forms(cron_line(schedule), schedule)
    assert (shown["date"], shown["time"]) == (schedule["date"], schedule["time"])
    assert shown["cron"] == cron_line(schedule)
