"""The comment on a pull request, and what hostile text does in it: nothing."""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from deploy_project.ci.comment.report import FailedTest, NodeLine, Report, StepLine, comment, status
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome.markdown import block, code, link, table

RUNS = "https://dagster.example/runs"
FAILED = Report(
    job="ci",
    environment="production",
    state="failure",
    commit="0123456789abcdef0123456789abcdef01234567",
    commit_url="https://github.com/acme/shop/commit/0123456789abcdef0123456789abcdef01234567",
    run_url=f"{RUNS}/7d3c1f0a",
    seconds=75.2,
    steps=(
        StepLine("Clone git repository", Status.SUCCESS, 0.4),
        StepLine("Invoke dbt with `dbt build --select state:modified+`", Status.ERROR, 61.5),
        StepLine("Invoke dbt with `dbt run-operation audit`", Status.SKIPPED),
    ),
    nodes=(
        NodeLine("orders", "built", 12.25),
        NodeLine("customers", "built", 0.85),
        NodeLine("payments", "failed", 1.5, 'Binder Error: Referenced column "amonut" not found'),
        NodeLine("revenue", "skipped"),
    ),
    tests=(
        FailedTest(
            "not_null_orders_customer_id",
            "Got 2 results, configured to fail if != 0",
            failures=2,
            columns=("order_id", "customer_id"),
            rows=(("17", None), ("18", "a|b")),
        ),
        FailedTest("orders_are_paid"),
    ),
    deferred=("stg_orders", "stg_customers"),
    deferred_to="production",
    deferred_run="11aa22bb-1111-4222-8333-444444444444",
    deferred_url=f"{RUNS}/11aa22bb-1111-4222-8333-444444444444",
    schema="dbt_cloud_pr_1862_12",
    compare="#### Changes\n\n`orders`: 3 rows added.",
)


def test_a_run_that_has_failed(golden: Callable[[str, str], None]):
    golden("pull_request_comment.md", comment(FAILED))


def test_little_is_told_where_little_is_known(golden: Callable[[str, str], None]):
    refused = Report(
        "ci", "production", "error", "0" * 40, reason="It comes from a fork.\nAsk somebody."
    )
    golden("pull_request_comment_refused.md", comment(refused))


def test_the_status_counts():
    found = status(FAILED)
    assert found.description == "2 built, 1 failed, 1 skipped, 2 tests failed"
    assert (found.context, found.url) == ("dbt/production/ci", f"{RUNS}/7d3c1f0a")
    assert status(Report("ci", "prod", "pending", "0" * 40)).description == "Is running"
    assert status(replace(FAILED, reason="No baseline.")).description == "No baseline."


def test_the_marker_is_the_jobs():
    assert FAILED.marker == "<!-- deploy_project:dbt/production/ci -->"
    assert replace(FAILED, job="a --> b").marker == "<!-- deploy_project:dbt/production/a_--__b -->"


def test_long_tables_are_cut_and_counted():
    nodes = [NodeLine(f"model_{number}", "built") for number in range(1, 301)]
    text = comment(replace(FAILED, nodes=nodes, deferred=[f"m{n}" for n in range(80)]))
    assert "`model_50`" in text
    assert "`model_51`" not in text
    assert "… and 250 more" in text
    assert "… and 30 more" in text
    assert "300 built" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("orders", "`orders`"),
        ("", ""),
        ("a`b", "``a`b``"),
        ("`a`", "`` `a` ``"),
        ("```", "```` ``` ````"),
        ("a|b\\|c", "`a│b\\│c`"),
        ("a\nb\r\n\tc", "`a b c`"),
        ("a\x00\u202eb", "`a��b`"),
        ("x" * 300, "`" + "x" * 199 + "…`"),
    ],
)
def test_code(text: str, expected: str):
    assert code(text) == expected


def test_a_block_is_indented_and_cut():
    assert block("\na\n\n\tb\u2028/close\n") == ["", "    a", "    ", "        b", "    /close", ""]
    assert block("a\u2028b\rc\x85d") == ["", "    a", "    b", "    c", "    d", ""]
    assert block("x\n" * 40)[-3:] == ["    x", "    … 10 more lines", ""]
    assert block("x" * 600) == ["", "    " + "x" * 499 + "…", ""]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/b(c)", "[x](https://a.example/b%28c%29)"),
        ("", "x"),
        ("javascript:alert(1)", "x"),
        ("https://a.example/ b", "x"),
        ("https://a.example/<b>", "x"),
        ("https://a.example/a|b", "x"),
        ("https://a.example/\u202eb", "x"),
    ],
)
def test_a_link_is_one_or_its_label_alone(url: str, expected: str):
    assert link("x", url) == expected


def test_a_table():
    assert table(("A", "B:"), [("a", "1")]) == ["", "| A | B |", "|---|--:|", "| a | 1 |", ""]


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</details></summary>",
    "<!-- deploy_project:x -->",
    "![a](https://evil.example/a.png)",
    "[a](javascript:alert(1))",
    "[a]: https://evil.example",
    "https://evil.example www.evil.example a@evil.example",
    "@acme/team @somebody #1 acme/shop#2 !3 ~label &epic",
    "/close",
    "/merge\n/approve",
    "```\n</pre>\n/close\n```",
    "~~~~\n# head",
    "`", "``", "a`b``c", "\\`", "\\", "\\|", "|", "| a | b |\n|---|---|",
    "$$x$$ :smile: **b** __c__ ~~d~~ \\[x\\]",
    "&lt;b&gt; &#64;team",
    "\n\n    code\n\n> quote\n- list\n1. one\n***\n",
    "\u2028/close\u2029\x85\x0b\x0c\x1c",
    "\u202edesrever\u200b\x00\x1b[31m",
    "a\r\rb\r\n",
    "",
    " ",
]  # fmt: skip
FRAGMENTS = [*HOSTILE, *"`|\\<>@#/!&[]()*_~\n\r\t "]


class Rendered(HTMLParser):
    """The tags of a page, and the text that is not code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.prose = ""
        self._code = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._code += tag == "code"
        self.tags.append((tag, tuple(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag == "code"

    def handle_data(self, data: str) -> None:
        self.prose += "" if self._code else data

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", ()))


def rendered(text: str) -> Rendered:
    return Rendered(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def report_of(pick: Callable[[], str]) -> Report:
    """A report with somebody else's text wherever it can come."""
    return Report(
        job=pick(),
        environment=pick(),
        state="failure",
        commit=pick(),
        commit_url=pick(),
        run_url=pick(),
        reason=pick(),
        steps=(StepLine(pick(), pick(), 1), StepLine(pick(), "Skipped")),
        nodes=(
            NodeLine(pick(), "built", 1),
            NodeLine(pick(), "failed", 1, pick()),
            NodeLine(pick(), "skipped"),
        ),
        tests=(FailedTest(pick(), pick(), 2, (pick(), pick()), ((pick(), pick()),) * 2),),
        deferred=(pick(), pick()),
        deferred_to=pick(),
        deferred_run=pick(),
        deferred_url=pick(),
        schema=pick(),
    )


HARMLESS = {
    "h3", "p", "code", "pre", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li",
    "details", "summary", "a",
}  # fmt: skip


def assert_harmless(text: str) -> None:
    page = rendered(text)
    assert {tag for tag, _ in page.tags} <= HARMLESS
    links = [dict(attributes)["href"] or "" for tag, attributes in page.tags if tag == "a"]
    assert all(link.startswith(("https://", "http://")) for link in links)
    assert [tag for tag, _ in page.tags].count("details") == 4
    assert [tag for tag, _ in page.tags].count("table") == 5
    assert not re.search(r"[@#!~&$`<>|\\]|://|www|evil", page.prose)
    # GitLab takes a line that begins so for an order, and does not ask Markdown.
    assert not re.search(r"^/", text, re.MULTILINE)
    assert text.isprintable() or set(re.sub(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]", "", text)) == {
        "\n"
    }


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_does_nothing_in_any_place(hostile: str):
    assert_harmless(comment(report_of(lambda: hostile)))


@pytest.mark.parametrize("seed", range(40))
def test_no_mixture_of_hostile_texts_does_anything(seed: int):
    chance = random.Random(seed)
    mixed = report_of(lambda: "".join(chance.choices(FRAGMENTS, k=chance.randint(0, 6))))
    assert_harmless(comment(mixed))
