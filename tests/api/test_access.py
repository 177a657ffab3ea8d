"""Each route of the front, asked for by each permission, for its own, another and no project.

A route that is not in the table fails; so does whatever the table does not allow.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import dagster as dg
import pytest
from starlette.routing import BaseRoute, Mount, Route

from deploy_project.api.app import create_app
from deploy_project.api.front.following import Configuration
from deploy_project.api.front.front import Front
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import (
    Account,
    Deployment,
    Environment,
    Job,
    Project,
    Secret,
)
from deploy_project.config.values.tokens import Permission
from deploy_project.runs.model.tags import run_number
from tests.support.callers import ALLOWED, Answer, Caller, token
from tests.support.past_runs import History
from tests.support.ports import free_port
from tests.support.serving import running

V2 = "/api/v2/accounts/{account:int}"
PUBLIC, SIGNED = "public", "signed"
"""Answered without a token; and by a signature, which tests/api/hooks attacks."""


@dataclass(frozen=True)
class Asked:
    """A request of a route: its action, what its path names, and its body."""

    action: str
    """The action whose permission it needs, or PUBLIC, or SIGNED."""
    path: dict[str, Any] = field(default_factory=dict[str, Any])
    body: dict[str, Any] | None = None
    is_list: bool = False
    """Whether it has no one object, and leaves out what the token does not see."""


TRIGGER = {"cause": "Attack"}
ROUTES: dict[tuple[str, str], Asked] = {
    ("GET", "/"): Asked(PUBLIC),
    ("GET", "/health"): Asked(PUBLIC),
    ("GET", "/docs/{environment}"): Asked(PUBLIC, {"environment": "prod"}),
    ("GET", "/docs/{environment}/{file:path}"): Asked(
        PUBLIC, {"environment": "prod", "file": "index.html"}
    ),
    ("POST", "/hooks/{project}"): Asked(SIGNED, {"project": "zebra"}),
    ("POST", f"{V2}/jobs/{{job:int}}/run"): Asked("trigger", {"job": 1}, TRIGGER),
    ("POST", f"{V2}/jobs/{{job:int}}/rerun"): Asked("trigger", {"job": 1}),
    ("GET", f"{V2}/runs/{{run:int}}"): Asked("read_runs", {"run": "RUN"}),
    ("POST", f"{V2}/runs/{{run:int}}/cancel"): Asked("cancel", {"run": "RUN"}),
    ("POST", f"{V2}/runs/{{run:int}}/retry"): Asked("trigger", {"run": "RUN"}),
    ("GET", f"{V2}/runs/{{run:int}}/retry"): Asked("read_runs", {"run": "RUN"}),
}
"""What the routes of the front need; the objects are of project `zebra`, environment `prod`."""

SEES = {"job": "read_jobs", "run": "read_runs"}
"""The action by which a path's object is seen; one that is not seen is not found."""
PLACES: dict[str, dict[str, Any]] = {
    "own": {"projects": ["ze*"]},
    "environment": {"environments": ["prod"]},
    "other": {"projects": ["crm"]},
    "elsewhere": {"environments": ["staging"]},
    "none": {"projects": ["nothing"]},
}
REACHED = ("own", "environment")
PERMISSIONS = get_args(Permission)


@dataclass(frozen=True)
class Served:
    """A front with a token for each permission and place."""

    front: Front
    address: str
    run: int

    def call(self, method: str, template: str, asked: Asked, *, by: str, **headers: str) -> Answer:
        path = template.replace(":int", "").replace(":path", "")
        own = {**asked.path, "account": 7}
        if own.get("run") == "RUN":
            own["run"] = self.run
        return Caller(self.address, by).call(method, path.format(**own), asked.body, **headers)


def job(environment: Environment, number: int, **own: Any) -> Job:
    identifier = f"job{number}"
    return Job(
        name=f"{environment.name}__{identifier}",
        identifier=identifier,
        id=number,
        title=f"{environment.project.name} {number}",
        environment=environment,
        description="",
        job_type=own.pop("job_type", "other"),
        steps=(("build",),),
        commands=("dbt build",),
        **own,
    )


def deployment(root: Path) -> Deployment:
    zebra, crm = (
        Project(name=name, id=number, repository="/nowhere.git", hook_secret=Secret(env="NOWHERE"))
        for number, name in enumerate(("zebra", "crm"), 1)
    )
    prod = Environment(name="prod", id=20, project=zebra, type="production")
    staging = replace(prod, name="staging", id=21, type="staging")
    other = Environment(name="other", id=22, project=crm, type="general")
    jobs = [job(prod, 1), job(staging, 2), job(other, 3), job(prod, 4, job_type="ci")]
    tokens = [
        token(f"{permission}-{place}", permission, **narrowed)
        for permission in PERMISSIONS
        for place, narrowed in PLACES.items()
    ]
    return Deployment(
        source=root / "deploy.yaml",
        account=Account(7, "Acme"),
        projects={"zebra": zebra, "crm": crm},
        environments={each.name: each for each in (prod, staging, other)},
        jobs={each.name: each for each in jobs},
        dagster_url=f"http://127.0.0.1:{free_port()}",
        tokens={each.name: each for each in tokens},
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("front")
    wanted = deployment(root)
    with dg.DagsterInstance.ephemeral() as instance:
        history = History(instance, root)
        run_id = history.add("prod__job1", dg.DagsterRunStatus.FAILURE, job_id="1", project="zebra")
        configuration = Configuration(wanted, load=lambda: wanted)
        front = Front(configuration, StateDirectory(root / "state"), history.plain())
        with running(front) as address:
            yield Served(front, address, run_number(run_id))


def templates(routes: list[BaseRoute], above: str = "") -> Iterator[tuple[str, str]]:
    """The methods and paths of all routes."""
    for each in routes:
        if isinstance(each, Mount):
            assert type(each.app).__name__ == "Router", f"{each.path}: what is below is not seen"
            yield from templates(each.routes or [], above + each.path)
        else:
            assert isinstance(each, Route), each
            yield from (
                (method, above + each.path) for method in each.methods or () if method != "HEAD"
            )


def test_every_route_is_in_the_table(served: Served):
    assert sorted(templates(create_app(served.front).routes)) == sorted(ROUTES)


def test_every_action_is_known():
    assert {each.action for each in ROUTES.values()} <= {
        *ALLOWED["account_admin"],
        *(PUBLIC, SIGNED),
    }


API = [(method, path) for method, path in ROUTES if path.startswith("/api/")]


@pytest.mark.parametrize(("method", "path"), API, ids=lambda each: each.replace(V2, ""))
def test_each_permission_in_each_place(served: Served, method: str, path: str):
    asked = ROUTES[method, path]
    for permission in PERMISSIONS:
        for place in PLACES:
            answer = served.call(method, path, asked, by=f"{permission}-{place}")
            expected = _expected(permission, place, asked)
            assert _kind(answer) == expected, f"{permission} {place}: {answer}"
            if place not in REACHED:
                assert "zebra" not in answer.text, f"{permission} {place}"


def _expected(permission: Permission, place: str, asked: Asked) -> str:
    may = asked.action in ALLOWED[permission]
    if asked.is_list:
        return "answered" if may else "forbidden"
    seen = [SEES[name] for name in asked.path if name in SEES]
    if place not in REACHED or not ALLOWED[permission].issuperset(seen):
        return "not found" if seen else "forbidden"
    return "answered" if may else "forbidden"


def _kind(answer: Answer) -> str:
    kinds = {401: "unknown", 403: "forbidden", 404: "not found"}
    if answer.status in kinds:
        assert answer.message, answer
        return kinds[answer.status]
    # Without a running Dagster what is allowed can't be done.
    assert answer.status in (200, 201, 400, 409, 503), answer
    return "answered"


@pytest.mark.parametrize(("method", "path"), API, ids=lambda each: each.replace(V2, ""))
def test_without_a_token_and_for_another_account_nothing_is_answered(
    served: Served, method: str, path: str
):
    asked = ROUTES[method, path]
    for spelling in (path, path + "/"):
        stranger = served.call(method, spelling, asked, by="")
        guess = served.call(method, spelling, asked, by="guess")
        bare = served.call(method, spelling, asked, by="", Authorization="dpt_account_admin-own")
        assert [each.status for each in (stranger, guess, bare)] == [401] * 3
    if "{account:int}" in path:
        elsewhere = path.replace("{account:int}", "8")
        answer = served.call(method, elsewhere, asked, by="account_admin-own")
        assert (answer.status, answer.message) == (
            403,
            "Access denied: Token is not scoped to account.",
        )


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda each: each.replace(V2, ""))
def test_other_methods_are_refused(served: Served, method: str, path: str):
    known = {each for each, other in ROUTES if other == path}
    for other in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - known:
        answer = served.call(other, path, ROUTES[method, path], by="account_admin-own")
        assert answer.status == 405, f"{other}: {answer}"


OVERRIDES = {
    "steps_override": (["dbt run"], "override_steps"),
    "git_sha": ("a" * 40, "override_code"),
    "git_branch": ("main", "override_code"),
    "target_name_override": ("other", "override_code"),
}


@pytest.mark.parametrize("name", OVERRIDES)
def test_other_steps_and_code_need_permissions_of_their_own(served: Served, name: str):
    """They are any SQL with the credentials of the job's environment."""
    value, action = OVERRIDES[name]
    path = f"{V2}/jobs/{{job:int}}/run"
    for permission in PERMISSIONS:
        for number, is_ci in ((1, False), (4, True)):
            asked = Asked("trigger", {"job": number}, {"cause": "Attack", name: value})
            answer = served.call("POST", path, asked, by=f"{permission}-own")
            starts = "trigger" in ALLOWED[permission]
            if starts and (is_ci or action in ALLOWED[permission]):
                assert answer.status in (400, 503), f"{permission} {number}: {answer}"
            else:
                assert answer.status in (403, 404), f"{permission} {number}: {answer}"


@pytest.mark.parametrize("option", ["--target prod", "-t prod", "--profile x", "--profiles-dir=/"])
def test_no_token_chooses_another_connection(served: Served, option: str):
    body = {"cause": "Attack", "steps_override": ["dbt build", f"dbt build {option}"]}
    asked = Asked("trigger", {"job": 1}, body)
    path = f"{V2}/jobs/{{job:int}}/run"
    answer = served.call("POST", path, asked, by="account_admin-own")
    assert answer.status == 400
    assert option.replace("=", " ").split()[0] in answer.json["data"]["steps_override"]
