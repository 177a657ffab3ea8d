"""Runs that have ended, as messages tell them; and texts that attack each medium."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy_project.config.values.notifications import OwnerRule
from deploy_project.notify.composing.messages import Known, message, owner_message
from deploy_project.notify.message import Message
from deploy_project.notify.owners import Owners, parts
from deploy_project.notify.rules import Told
from deploy_project.runs.model.run_facts import (
    CodeFacts,
    CountedTests,
    FailureFacts,
    FreshnessFacts,
    NodeFacts,
    RunFacts,
    Sample,
)
from deploy_project.runs.model.status import Status

AT = datetime(2026, 11, 30, 6, 4, tzinfo=UTC)
RUN_ID = "7d3c1f0a-9b2e-4c55-8a11-000000000000"
HOSTILE = (
    "<!channel> <@U1> <https://evil.example|click> **bold** [x](https://evil.example) "
    "</pre><script>alert(1)</script><img src=x onerror=alert(1)> ``` &amp; {{7*7}}"
    "\r\nBcc: all@example.com\x1b[31m\u202e"
)
"""Mentions, Markdown, HTML, a fence, headers, colors and letters that turn a line around."""


def node(name: str, status: str, message: str = "", **more: Any) -> NodeFacts:
    return NodeFacts(f"model.shop.{name}", "model", name, 3, status, message, **more)


def run_facts(status: Status = Status.SUCCESS, **more: Any) -> RunFacts:
    plain = RunFacts(
        run_id=RUN_ID,
        number=35_279_861_127_433,
        job="production__daily",
        job_id=3,
        environment="production",
        project="shop",
        status=status,
        reason="",
        trigger="scheduled",
        cause="Scheduled",
        who="",
        created_at=AT - timedelta(minutes=4),
        started_at=AT - timedelta(minutes=4),
        finished_at=AT,
        code=CodeFacts("a" * 40, "main", "Change orders", "Ana"),
        nodes=(node("orders", "success"),),
    )
    return replace(plain, **more)


FAILED = run_facts(
    Status.ERROR,
    reason="`dbt build` failed",
    nodes=(
        node("orders", "error", "Database Error in model orders (models/orders.sql)"),
        node("revenue", "skipped"),
        node("customers", "success"),
        node("not_null_id", "warn", "Got 2 results, configured to warn if != 0"),
    ),
    tests=CountedTests(warned=1),
    freshness=(FreshnessFacts("source.shop.raw.orders", "orders", "warn", AT - timedelta(days=2)),),
    failures=(
        FailureFacts(
            3,
            'Database Error in model orders (models/orders.sql)\n  column "amuont" does not exist\n'
            "  LINE 3: select amuont from raw",
            "model.shop.orders",
            "orders",
            "models/orders.sql",
            3,
            tuple(f"model.shop.below_{each}" for each in range(7)),
        ),
    ),
)
KNOWN = Known(
    job_title="Daily build",
    run_page=f"https://dagster.example/runs/{RUN_ID}",
    commit_page=f"https://git.example/shop/commit/{'a' * 40}",
    median_seconds=200.0,
    commits=[("a" * 40, "Change orders", "Ana"), ("b" * 40, "Rename a column", "Ben")],
)
HOSTILE_FACTS = run_facts(
    Status.ERROR,
    job="production__daily",
    cause=HOSTILE,
    who=HOSTILE,
    code=CodeFacts("a" * 40, HOSTILE, HOSTILE, HOSTILE),
    nodes=(node(HOSTILE, "warn", HOSTILE),),
    tests=CountedTests(warned=1),
    failures=(FailureFacts(3, HOSTILE * 30, HOSTILE, HOSTILE, HOSTILE, 3, (HOSTILE,)),),
)
FAILURE: Message = message(FAILED, Told("failure", 3), KNOWN)
_TEST = "test.shop.few"
WITH_ROWS: Message = message(
    run_facts(
        Status.ERROR,
        reason="`dbt build` failed",
        nodes=(NodeFacts(_TEST, "test", "few", 3, "fail", failures=7),),
        failures=(FailureFacts(3, "Got 7 results, configured to fail if != 0", _TEST, "few"),),
        rows={
            _TEST: Sample(
                ("id", "amount", "a name that is rather long", "d", "e", "f", "g"),
                tuple((str(each), None, "<b>&", "x" * 50, "", "f", "g") for each in range(2)),
            )
        },
    ),
    Told("failure"),
    KNOWN,
)
"""A failed test, with the rows that it has found."""
OWNERS_PART = parts(
    FAILED,
    OwnerRule("mail"),
    Owners(
        {
            "groups": {"g": {"name": "fin", "package_name": "", "owner": {"email": "a@b.example"}}},
            "nodes": {"model.shop.orders": {"group": "fin", "package_name": ""}},
        }
    ),
)["a@b.example"]
OWNERS: Message = owner_message(OWNERS_PART, KNOWN, goes_on=False)
RECOVERY: Message = message(run_facts(), Told("recovered", 5), KNOWN)
ATTACK: Message = replace(
    message(
        HOSTILE_FACTS,
        Told("failure"),
        replace(KNOWN, job_title=HOSTILE, commits=[("b" * 40, HOSTILE, HOSTILE)]),
    ),
    title=HOSTILE,
)
