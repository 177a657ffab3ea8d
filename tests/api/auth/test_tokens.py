from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from deploy_project.api.auth.permissions import Action
from deploy_project.api.auth.tokens import authenticated, permit, visible
from deploy_project.api.http.problems import ApiError
from deploy_project.config.values.deployment import Environment, Job, Project
from deploy_project.config.values.tokens import Token
from tests.support.api.callers import secret, token

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
TOKENS = {
    each.name: each
    for each in (
        token("airflow", "job_runner"),
        token("old", "member", expires=NOW),
        token("new", "member", expires=NOW + timedelta(seconds=1)),
    )
}


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token", "BEARER", "Token ", " Bearer"])
def test_a_token_is_taken_in_both_ways_of_writing_it(scheme: str):
    found = authenticated(f"{scheme} {secret('airflow')}", TOKENS, now=NOW)
    assert found is TOKENS["airflow"]
    assert authenticated(f"Token {secret('new')}", TOKENS, now=NOW).name == "new"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (None, "Authentication credentials were not provided: send `Authorization: Token …`."),
        ("", "Authentication credentials were not provided: send `Authorization: Token …`."),
        (secret("airflow"), "Invalid token: write `Authorization: Token …`, or `Bearer …`."),
        ("Token", "Invalid token: write `Authorization: Token …`, or `Bearer …`."),
        (
            f"Basic {secret('airflow')}",
            "Invalid token: write `Authorization: Token …`, or `Bearer …`.",
        ),
        ("Token guessed", "Invalid token."),
        (f"Token {secret('airflow')}x", "Invalid token."),
        (f"Token {TOKENS['airflow'].sha256}", "Invalid token."),
        ("Token airflow", "Invalid token."),
        ("Token \xff\udcff", "Invalid token."),
        (
            f"Token {secret('old')}",
            "Invalid token: 'old' has expired at 2026-11-30 12:00 UTC. `deploy-project token "
            "create NAME --permission job_runner` makes one, and prints the lines for deploy.yaml.",
        ),
    ],
)
def test_anything_else_is_refused_with_a_reason(header: str | None, said: str):
    with pytest.raises(ApiError) as raised:
        authenticated(header, TOKENS, now=NOW)
    assert (raised.value.status, raised.value.user_message) == (401, said)
    assert raised.value.headers == {"WWW-Authenticate": "Bearer"}


def test_without_any_token_nobody_gets_in_and_is_told_how_to_make_one():
    with pytest.raises(ApiError) as raised:
        authenticated(f"Token {secret('airflow')}", {}, now=NOW)
    assert raised.value.status == 401
    assert "`deploy-project token create NAME" in raised.value.user_message


def test_a_token_that_was_removed_or_made_anew_is_refused_at_once():
    renewed = {"airflow": token("other", "job_runner")}
    with pytest.raises(ApiError, match="Invalid token"):
        authenticated(f"Token {secret('airflow')}", renewed, now=NOW)


def request(given: Token) -> Request:
    return Request({"type": "http", "headers": [], "state": {"token": given}})


SHOP, CRM = (Project(name=name, id=1, repository="/r.git") for name in ("shop", "crm"))
PROD, STAGING = (
    Environment(name=name, id=1, project=SHOP, type="general") for name in ("prod", "staging")
)
JOB = Job(
    name="prod__daily",
    identifier="daily",
    id=1,
    title="Daily",
    environment=PROD,
    description="",
    job_type="other",
    steps=(),
    commands=(),
)


def test_what_a_token_may_not_do_is_refused_by_name():
    asked = request(token("viewer", "job_viewer"))
    permit(asked, Action.READ_RUNS, project="shop", environment="prod")
    with pytest.raises(ApiError) as raised:
        permit(asked, Action.TRIGGER, project="shop", environment="prod")
    assert raised.value.status == 403
    assert raised.value.user_message == (
        "Access denied: token 'viewer' may not trigger in project 'shop' environment 'prod'."
    )
    assert asked.state.action is Action.TRIGGER, "the audit tells it"
    with pytest.raises(ApiError, match="token 'viewer' may not edit webhooks"):
        permit(asked, Action.EDIT_WEBHOOKS)


def test_a_token_sees_what_it_is_good_for():
    run = SimpleNamespace(project="shop", environment="prod")
    gone = SimpleNamespace(project="", environment="")

    everything: list[Any] = [SHOP, CRM, PROD, STAGING, JOB, run, gone]

    def seen(given: Token, action: Action = Action.READ_RUNS) -> list[bool]:
        return list(map(visible(request(given), action), everything))

    nothing = [False] * len(everything)
    assert seen(token("t", "job_viewer")) == [True] * len(everything)
    assert seen(token("t", "job_viewer"), Action.TRIGGER) == nothing
    assert seen(token("t", "webhooks_only")) == nothing
    shop = token("t", "job_viewer", projects=["shop"])
    assert seen(shop) == [True, False, True, True, True, True, False]
    prod = token("t", "job_viewer", projects=["shop"], environments=["prod"])
    assert seen(prod) == [True, False, True, False, True, True, False]
