"""The gate before the API, through a server."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.api.auth import gate
from deploy_project.api.front.following import Configuration
from deploy_project.api.front.front import Front
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Account, Deployment
from tests.support.api.callers import Caller, token
from tests.support.deployments.jobs import job
from tests.support.history.past_runs import History
from tests.support.ports import free_port
from tests.support.servers.serving import running

V2 = "/api/v2/accounts/7"


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    daily = job("dbt build")
    wanted = Deployment(
        source=tmp_path / "deploy.yaml",
        account=Account(7, "Acme"),
        projects={"shop": daily.environment.project},
        environments={"prod": daily.environment},
        jobs={daily.name: daily},
        dagster_url=f"http://127.0.0.1:{free_port()}",
        tokens={each.name: each for each in (token("a", "member"), token("b", "job_viewer"))},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        configuration = Configuration(wanted, load=lambda: wanted)
        runs = History(instance, tmp_path).plain()
        yield Front(configuration, StateDirectory(tmp_path / "state"), runs)


def audited(front: Front) -> list[tuple[str, ...]]:
    if not front.state.audit.exists():
        return []
    lines = map(json.loads, front.state.audit.read_text().splitlines())
    return [
        (each.get("token", ""), each["action"], each["object"], str(each["outcome"]))
        for each in lines
    ]


def test_changes_and_refusals_are_audited_and_reads_are_not(front: Front):
    with running(front) as address:
        admin, viewer, stranger = (Caller(address, name) for name in ("a", "b", ""))
        assert admin.call("GET", f"{V2}/runs/1/").status == 404
        assert admin.call("POST", f"{V2}/jobs/3/run/", {"cause": "x"}).status == 503
        assert admin.call("POST", f"{V2}/jobs/3/run/", {}).status == 400
        assert viewer.call("POST", f"{V2}/jobs/3/run", {"cause": "x"}).status == 403
        assert viewer.call("GET", "/api/v2/accounts/8/runs/1").status == 403
        assert stranger.call("GET", f"{V2}/runs/1?token=x").status == 401
        assert stranger.call("GET", "/health").status == 200
    assert audited(front) == [
        ("a", "trigger", f"{V2}/jobs/3/run", "503"),
        ("a", "trigger", f"{V2}/jobs/3/run", "400"),
        ("b", "trigger", f"{V2}/jobs/3/run", "403"),
        ("b", "GET", "/api/v2/accounts/8/runs/1", "403"),
        ("", "GET", f"{V2}/runs/1", "401"),
    ]
    (line,) = front.state.audit.read_text().splitlines()[-1:]
    assert json.loads(line)["address"] == "127.0.0.1"
    assert json.loads(line)["remark"].startswith("Authentication credentials")


def test_strangers_do_not_crowd_out_the_lines_of_others(
    front: Front, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gate, "_STRANGERS", 3)
    with running(front) as address:
        for _ in range(10):
            assert Caller(address, "guess").call("GET", f"{V2}/runs/1").status == 401
        assert Caller(address, "b").call("POST", f"{V2}/jobs/3/run", {"cause": "x"}).status == 403
    assert [name for name, *_ in audited(front)] == ["", "", "", "b"]


def test_what_a_token_was_refused_does_not_crowd_out_others_either(
    front: Front, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gate, "_REFUSED", 2)
    with running(front) as address:
        for _ in range(5):
            Caller(address, "b").call("POST", f"{V2}/jobs/3/run", {"cause": "x"})
            Caller(address, "a").call("POST", f"{V2}/jobs/3/run", {})
    assert [(name, outcome) for name, *_, outcome in audited(front)] == [
        *(("b", "403"), ("a", "400"), ("b", "403"), ("a", "400")),
    ]


def test_each_token_has_a_limit_of_its_own(front: Front):
    deployment = replace(front.deployment, requests_per_minute=3)
    front.configuration.deployment = deployment
    with running(front) as address:
        busy, calm, guess = (Caller(address, name) for name in ("a", "b", "guess"))
        assert [busy.call("GET", f"{V2}/runs/1").status for _ in range(4)] == [404] * 3 + [429]
        refused = busy.call("GET", f"{V2}/runs/1")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.message == (
            f"Too many requests: 3 a minute are answered; try again in "
            f"{refused.headers['retry-after']} s."
        )
        assert [guess.call("GET", f"{V2}/runs/1").status for _ in range(4)] == [401] * 3 + [429]
        assert calm.call("GET", f"{V2}/runs/1").status == 404
    assert [name for name, *_, outcome in audited(front) if outcome == "429"] == ["a", "a", ""]


def test_tokens_follow_the_configuration(front: Front):
    """A token that was taken out of deploy.yaml is refused by the next request."""
    with running(front) as address:
        caller = Caller(address, "a")
        assert caller.call("GET", f"{V2}/runs/1").status == 404
        tokens = {"b": front.deployment.tokens["b"]}
        front.configuration.deployment = replace(front.deployment, tokens=tokens)
        assert caller.call("GET", f"{V2}/runs/1").status == 401
        front.configuration.deployment = replace(front.deployment, tokens={})
        assert "deploy-project token create" in caller.call("GET", f"{V2}/runs/1").message


def test_a_post_is_never_redirected(front: Front):
    with running(front) as address:
        caller = Caller(address, "a")
        for path in ("", "/", "/runs", "/jobs/3", "/jobs/3/run//", "/nowhere", "/nowhere/"):
            answer = caller.call("POST", f"{V2}{path}", {"cause": "x"})
            assert not 300 <= answer.status < 400, f"{path}: {answer}"
