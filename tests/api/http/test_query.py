import pytest

from deploy_project.api.http.problems import ApiError
from deploy_project.api.http.query import entries, list_query, numbers, related

KNOWN = ("trigger", "job", "environment", "run_steps", "debug_logs")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["trigger", "job"], {"trigger", "job"}),
        (["trigger,job"], {"trigger", "job"}),
        (['["trigger", "job"]'], {"trigger", "job"}),
        (["['run_steps', 'debug_logs']"], {"run_steps", "debug_logs"}),
        (['["trigger","job",,"run_steps", "environment"]'], set(KNOWN) - {"debug_logs"}),
        ([""], set[str]()),
        ([], set[str]()),
        (["[run_steps"], {"run_steps"}),
        (["audit_of_mine"], set[str]()),
    ],
    ids=[
        *("repeated", "commas", "JSON", "Python", "broken JSON", "empty", "none", "cut off"),
        "unknown ones are left out",
    ],
)
def test_related_objects_in_every_spelling(written: list[str], expected: set[str]):
    assert related([("include_related", each) for each in written], KNOWN) == expected


def test_a_page_with_nothing_asked_for():
    query = list_query([], filters=["status"], orders=["id"])
    assert (query.limit, query.offset, query.order_by, query.filters) == (100, 0, "id", {})


def test_a_page_as_it_is_asked_for():
    given = [("limit", "500"), ("offset", "20"), ("order_by", "-created_at"), ("status", "10")]
    query = list_query(given, filters=["status"], orders=["id", "created_at"])
    assert (query.limit, query.offset, query.order_by) == (100, 20, "-created_at")
    assert query.filters == {"status": "10"}


def test_every_fault_of_a_query_is_told_at_once():
    given = [
        *(("created_at__gte", "x"), ("limit", "many"), ("offset", "-1")),
        ("order_by", "name; drop"),
    ]
    with pytest.raises(ApiError) as raised:
        list_query(given, filters=["status"], orders=["id"])
    assert raised.value.status == 400
    assert set(raised.value.data) == {"created_at__gte", "limit", "offset", "order_by"}


@pytest.mark.parametrize("text", ["1,2", "[1, 2]", "[1,2]", "(1, 2)", '["1", "2"]'])
def test_numbers_in_every_spelling(text: str):
    assert numbers("status__in", text) == [1, 2]


@pytest.mark.parametrize("text", ["", "[]", "one", "1.5", "[1, two]", "9" * 30])
def test_other_texts_are_no_numbers(text: str):
    with pytest.raises(ApiError) as raised:
        numbers("status__in", text)
    assert "status__in" in raised.value.data


def test_entries_keep_the_space_of_a_date():
    first, last = "2026-03-02 06:00:00+00:00", "2026-03-03T06:00:00Z"
    assert entries(f'["{first}", "{last}"]') == [first, last]


def test_a_very_long_list_is_no_work():
    assert len(entries("1," * 1_000_000)) <= 5_000
