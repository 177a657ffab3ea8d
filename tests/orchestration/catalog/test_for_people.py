import pytest

from deploy_project.orchestration.catalog.for_people import (
    age_text,
    code_block,
    cron_text,
    rows_table,
    size_text,
    time_text,
)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.2, "200 ms"),
        (2412, "40 min 12 s"),
        (11100, "3 h 05 min"),
        (86400, "1 day 0 h"),
        (183600, "2 days 3 h"),
    ],
)
def test_ages(seconds, expected):
    assert age_text(seconds) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_960, "1.0 MB"),
        (1_340_000_000, "1.3 GB"),
        (5 * 10**18, "5000.0 PB"),
    ],
)
def test_sizes(count, expected):
    assert size_text(count) == expected


@pytest.mark.parametrize(
    ("seconds", "compiling", "queued", "expected"),
    [
        (0.25, None, None, "250 ms"),
        (72, 0.5, None, "1 min 12 s (500 ms of it compiling)"),
        (1.5, 0.1, 2, "1.5 s (100 ms of it compiling, after 2.0 s in the queue)"),
        (1.5, None, 0.0, "1.5 s"),
    ],
)
def test_times(seconds, compiling, queued, expected):
    assert time_text(seconds, compiling=compiling, queued=queued) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 6 * * *", "every day at 06:00"),
        ("30 6,18 * * *", "every day at 06:30 and 18:30"),
        ("0 6 * * 1-5", "Monday to Friday at 06:00"),
        ("0 6 * * mon,THU", "on Monday and Thursday at 06:00"),
        ("0 6 * * 7", "on Sunday at 06:00"),
        ("0 0 1 * *", "on day 1 of each month at 00:00"),
        ("15 * * * *", "every hour at minute 15"),
        ("*/10 * * * *", "every 10 minutes"),
        ("0 */4 * * *", "every 4 hours at minute 0"),
        ("0 6 1 * 1", "`0 6 1 * 1`"),
        ("0 6 * 1 *", "`0 6 * 1 *`"),
        ("0 6 * * 1-3,5", "`0 6 * * 1-3,5`"),
        ("*/10 6-9 * * *", "`*/10 6-9 * * *`"),
        ("0 6 L * *", "`0 6 L * *`"),
        ("*/5 * * * 1-5", "every 5 minutes, Monday to Friday"),
        ("0 * * * 1-3,5", "`0 * * * 1-3,5`"),
        ("@daily", "`@daily`"),
    ],
)
def test_cron_lines_in_words_or_as_they_are(line, expected):
    assert cron_text(line) == expected


def test_code_can_hold_its_own_fences():
    assert code_block("select 1").value == "```sql\nselect 1\n```"
    assert code_block("-- ````\n", "python").value == "`````python\n-- ````\n`````"


def test_the_end_of_long_code_is_left_out():
    shown = code_block("x" * 10_050).value or ""
    assert "… 50 characters more" in shown
    assert len(shown) < 10_100


def test_rows_are_text_that_does_nothing():
    table = rows_table(["id", "<b>"], [["1", None], ["[x](y) | z", "`"]]).value
    assert table == ("| `id` | `<b>` |\n|---|---|\n| `1` | NULL |\n| `[x](y) │ z` | `` ` `` |")


def test_wide_rows_are_cut():
    table = rows_table([f"c{number}" for number in range(20)], [["v"] * 20]).value or ""
    assert "`c11`" in table
    assert "`c12`" not in table
    assert table.endswith("and 8 more columns")
