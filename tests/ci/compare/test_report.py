"""What a pull request changes in the data, for people; hostile text does nothing in it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from deploy_project.ci.compare.comparison import (
    CompareDocument,
    Comparison,
    Range,
    Samples,
    compared,
    from_json,
    to_json,
)
from deploy_project.ci.compare.report import LONGEST, overview, section, summary, told
from deploy_project.errors import ArtifactError

ORDERS = Comparison(
    "model.shop.orders",
    "orders",
    "compared",
    before="db.prod.orders",
    after="db.pr.orders",
    columns_added=[("discount", "numeric")],
    columns_removed=[("legacy", "text")],
    columns_retyped=[("id", "integer", "bigint")],
    columns_not_compared=["tags"],
    rows=(1_200, 1_203),
    range=Range("at", "2026-01-01", "2026-02-01", (900, 903)),
    key=["id"],
    added=5,
    removed=2,
    changed=40,
    changed_columns={"amount": 40, "note": 3},
    null_keys=(0, 2),
    duplicate_keys=(1, 0),
    duplicate_rows=(2, 1),
    samples={
        "added": Samples(["id", "note"], [["6", None], ["7", ""]]),
        "removed": Samples(["id", "note"], [["4", "gone"]]),
        "changed": Samples(["id", "amount", "note"], [["1", "1", "10", "20", None, "x"]]),
    },
)
LOOSE = Comparison("model.shop.loose", "loose", "compared", rows=(3, 3), added=1, removed=1)
SAME = Comparison(
    *("model.shop.same", "same", "compared"), rows=(7, 7), key=["id"], added=0, removed=0, changed=0
)
OTHERS = [
    Comparison("model.shop.fresh", "fresh", "new", "not in production's project"),
    Comparison("model.shop.gone", "gone", "removed", "not in the pull request's project"),
    Comparison("model.shop.bad", "bad", "failed", "Database Error\n  no such column: x"),
]
DOCUMENT = CompareDocument([SAME, ORDERS, LOOSE, *OTHERS], "production", "--select state:modified+")


def test_the_section_of_the_comment(golden: Callable[[str, str], None]):
    golden("pull_request_compare.md", section(DOCUMENT) + "\n")


def test_what_was_kept_is_read_again():
    text = to_json(DOCUMENT)
    assert to_json(from_json(text.encode(), where="compare.json")) == text
    with pytest.raises(ArtifactError, match=r"compare\.json is no comparison"):
        from_json(b'{"comparisons": [1]}', where="compare.json")


def test_the_overview_has_all_models_and_what_differs_first():
    lines = [line for line in overview(DOCUMENT) if line.startswith("| `")]
    names = [line.split("`")[1] for line in lines]
    assert names == ["bad", "fresh", "gone", "loose", "orders", "same"]


def test_nothing_to_compare_says_so():
    assert section(CompareDocument([], "prod", "--select a|b")).endswith(
        "Nothing that `--select a│b` selects has a relation to compare."
    )


def test_lines_for_the_console():
    assert told(ORDERS) == [
        "orders: 1,200 → 1,203 rows; 5 added, 2 removed, 40 changed",
        "    columns: + discount (numeric), - legacy (text), id from integer to bigint",
        "    changed: amount in 40, note in 3",
        "    Primary key: id",
        "    Only at from 2026-01-01 to 2026-02-01: 900 → 903 rows compared",
        "    Not counted: rows without a key (0 → 2)",
        "    Not counted: keys there more than once (1 → 0; 2 → 1 rows)",
        "    Not compared: tags",
    ]
    assert told(LOOSE) == ["loose: 3 rows; 1 added, 1 removed, Primary key missing"]
    assert told(SAME)[0] == "same: 7 rows; no row differs"
    assert told(OTHERS[0]) == ["fresh: new: not in production's project"]
    assert summary(DOCUMENT.comparisons) == "3 compared, 2 of them differ; 3 not compared"


HOSTILE = "<img src=x> `|` @all [x](http://evil) \n\n# {{ 1/0 }} </details>"


def hostile() -> Comparison:
    samples = Samples([HOSTILE, "b"], [[HOSTILE, HOSTILE]])
    return replace(
        ORDERS,
        name=HOSTILE,
        columns_added=[(HOSTILE, HOSTILE)],
        columns_retyped=[(HOSTILE, HOSTILE, HOSTILE)],
        columns_not_compared=[HOSTILE],
        range=Range(HOSTILE, HOSTILE, HOSTILE, (1, 1)),
        key=[HOSTILE],
        notes=[HOSTILE],
        changed_columns={HOSTILE: 1},
        samples={
            "added": samples,
            "changed": Samples([HOSTILE], [[HOSTILE, HOSTILE + "2"]]),
        },
    )


@pytest.mark.parametrize("bad", [False, True])
def test_hostile_names_and_values_do_nothing(bad: bool):
    found = hostile()
    if bad:
        found = replace(found, outcome="failed", why=HOSTILE)
    text = section(CompareDocument([found], HOSTILE, HOSTILE))
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert html.count("<details>") == html.count("</details>") == 1
    assert not any(tag in html for tag in ("<img", "<a ", "<h1"))


def test_many_models_with_wide_rows_leave_room_and_the_details_fold_away():
    wide = Samples([f"c{n}" for n in range(300)], [["x" * 1000] * 300] * 30)
    many = [
        replace(ORDERS, name=f"model_{n:03}", samples={"added": wide, "removed": wide})
        for n in range(200)
    ]
    text = section(CompareDocument(many))
    assert len(text) < LONGEST + 200
    assert "… and 150 more" in text
    assert "are in the run, in `compare.json`._" in text
    assert text.count("<details>") == text.count("</details>") > 1


def test_facts_become_a_comparison():
    known = replace(ORDERS, samples={}, outcome="failed", hidden=["email"])
    facts = [
        {"exists": [True, True]},
        {"before": [["id", "int"], ["old", "text"]], "after": [["id", "big"], ["new", "text"]]},
        {"not_compared": []},
        {"rows": [3, 4]},
        {"key": ["id"]},
        {"added": 1, "removed": 0, "null_keys": [0, 1]},
        {"changed": 2, "changed_columns": [["a", 2], ["b", 0]]},
        {"sample": "added", "columns": ["id"], "values": ["1"]},
        {"sample": "added", "columns": ["id"], "values": [None]},
    ]
    found = compared(known, [{"of": "x", **fact} for fact in facts])
    assert found.outcome == "compared"
    assert found.columns_added == [("new", "text")]
    assert found.columns_removed == [("old", "text")]
    assert found.columns_retyped == [("id", "int", "big")]
    assert (found.added, found.removed, found.changed) == (1, 0, 2)
    assert found.changed_columns == {"a": 2}
    assert (found.null_keys, found.duplicate_keys, found.range) == ((0, 1), (0, 0), None)
    assert found.samples == {"added": Samples(["id"], [["1"], [None]])}
    assert found.hidden == ["email"]


@pytest.mark.parametrize(
    ("exists", "outcome", "why"),
    [
        ([False, True], "new", "no relation in production"),
        ([True, False], "not_built", "this run has not built it"),
        ([False, False], "not_built", "this run has not built it, nor is it in production"),
    ],
)
def test_a_relation_that_does_not_exist_is_told(exists: list[bool], outcome: str, why: str):
    found = compared(LOOSE, [{"of": "x", "exists": exists}])
    assert (found.outcome, found.why) == (outcome, why)


def test_what_is_not_as_the_project_says_is_told():
    facts = [
        {"before": [["a", "int"]], "after": [["a", "int"]], "not_compared": [], "rows": [1, 1]},
        {"not_in_both": "id", "no_range": "at", "added": 0, "removed": 0},
    ]
    found = compared(LOOSE, [{"of": "x", **fact} for fact in facts])
    assert found.changed is None
    assert found.notes == [
        "the column 'id' of the primary key is not in both",
        "the column 'at' of `event_time` is not in both, or not as one type, "
        "so all rows are compared",
    ]
