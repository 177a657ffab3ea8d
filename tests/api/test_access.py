"""Each route of the front, asked for by each permission, for its own, another and no project.

A route that is not in the table fails; so does whatever the table does not allow.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import dagster as dg
import pytest
from starlette.routing import BaseRoute, Mount, Route

from deploy_project.api.app import create_app
from deploy_project.api.front.following import Configuration
from deploy_project.api.front.front import Front
from deploy_project.api.objects.account import number_of
from deploy_project.api.objects.step import step_id
from deploy_project.api.openapi.operations import OPERATIONS
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import (
    Account,
    Deployment,
    Environment,
    Job,
    Project,
    Secret,
    WrittenJob,
)
from deploy_project.config.values.tokens import Permission
from deploy_project.config.values.webhooks import FileSubscription
from deploy_project.notify.over_api.notification import Notification
from deploy_project.notify.over_api.store import Store
from deploy_project.notify.webhooks.ledger import Ledger, Receipt
from deploy_project.notify.webhooks.subscription import of_file
from deploy_project.runs.model.plan import CLONE, steps
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.model.tags import run_number
from tests.support.api.callers import ALLOWED, Answer, Caller, token
from tests.support.history.past_runs import BEGAN, History, facts_of
from tests.support.ports import free_port
from tests.support.servers.serving import running

V2, V3 = "/api/v2/accounts/{account:int}", "/api/v3/accounts/{account:int}"
HOOKS = f"{V3}/webhooks"
VARIABLES = f"{V3}/projects/{{project:int}}/environment-variables"
PUBLIC, SIGNED = "public", "signed"
"""Answered without a token; and by a signature, which tests/api/hooks attacks."""


@dataclass(frozen=True)
class Asked:
    """A request of a route: its action, what its path names, and its body."""

    action: str
    """The action whose permission it needs, or PUBLIC, or SIGNED."""
    path: dict[str, Any] = field(default_factory=dict[str, Any])
    body: dict[str, Any] | None = None
    query: str = ""
    is_list: bool = False
    """Whether it has no one object, and leaves out what the token does not see."""


TRIGGER = {"cause": "Attack"}
HOOK = {
    "name": "a",
    "client_url": "http://127.0.0.1/",
    "event_types": ["job.run.started"],
    "active": True,
}
NOTIFICATION = Notification(
    7, 4, "account_admin-own", on_failure=(1,), external_email="a@b.example"
)
ROUTES: dict[tuple[str, str], Asked] = {
    ("GET", "/"): Asked(PUBLIC),
    ("GET", "/health"): Asked(PUBLIC),
    ("GET", "/api/openapi.json"): Asked("read_account", is_list=True),
    ("GET", "/docs/{environment}"): Asked(PUBLIC, {"environment": "lion"}),
    ("GET", "/docs/{environment}/{file:path}"): Asked(
        PUBLIC, {"environment": "lion", "file": "index.html"}
    ),
    **{
        (
            "GET",
            f"/deploy/{{account:int}}/projects/{{project:int}}/{what}s/{{{what}:int}}{end}",
        ): Asked(PUBLIC, {"project": 1, what: number})
        for what, number in (("run", "RUN"), ("job", 1))
        for end in ("", "/")
    },
    ("POST", "/hooks/{project}"): Asked(SIGNED, {"project": "zebra"}),
    ("POST", f"{V2}/jobs/{{job:int}}/run"): Asked("trigger", {"job": 1}, TRIGGER),
    ("POST", f"{V2}/jobs/{{job:int}}/rerun"): Asked("trigger", {"job": 1}),
    ("GET", f"{V2}/runs/{{run:int}}"): Asked("read_runs", {"run": "RUN"}),
    ("POST", f"{V2}/runs/{{run:int}}/cancel"): Asked("cancel", {"run": "RUN"}),
    ("POST", f"{V2}/runs/{{run:int}}/retry"): Asked("trigger", {"run": "RUN"}),
    ("GET", f"{V2}/runs/{{run:int}}/retry"): Asked("read_runs", {"run": "RUN"}),
    ("GET", f"{V2}/runs"): Asked("read_runs", is_list=True),
    ("GET", f"{V2}/runs/{{run:int}}/artifacts"): Asked("read_artifacts", {"run": "RUN"}),
    ("GET", f"{V2}/runs/{{run:int}}/artifacts/{{path:path}}"): Asked(
        "read_artifacts", {"run": "RUN", "path": "manifest.json"}
    ),
    ("GET", f"{V2}/jobs/{{job:int}}/artifacts/{{path:path}}"): Asked(
        "read_artifacts", {"job": 1, "path": "manifest.json"}
    ),
    ("GET", f"{V2}/steps/{{step:int}}"): Asked("read_runs", {"step": "STEP"}),
    ("GET", f"{V2}/jobs"): Asked("read_jobs", is_list=True),
    ("GET", f"{V2}/jobs/{{job:int}}"): Asked("read_jobs", {"job": 1}),
    # Neither has a name, so that nothing is made or changed.
    ("POST", f"{V2}/jobs"): Asked("edit_jobs", body={"project_id": 1, "environment_id": 20}),
    ("POST", f"{V2}/jobs/{{job:int}}"): Asked("edit_jobs", {"job": 1}, {"name": "Attack"}),
    ("DELETE", f"{V2}/jobs/{{job:int}}"): Asked("edit_jobs", {"job": 1}),
    ("POST", "/api/v2/notifications/unsubscribe"): Asked("read_notifications", is_list=True),
    ("GET", f"{V2}/notifications"): Asked("read_notifications", is_list=True),
    ("POST", f"{V2}/notifications"): Asked(
        "edit_notifications", body={"type": 4, "external_email": "a@b.example", "on_failure": [1]}
    ),
    ("GET", f"{V2}/notifications/{{notification:int}}"): Asked(
        "read_notifications", {"notification": "NOTIFICATION"}
    ),
    ("POST", f"{V2}/notifications/{{notification:int}}"): Asked(
        "edit_notifications", {"notification": "NOTIFICATION"}, {"on_failure": [1]}
    ),
    ("DELETE", f"{V2}/notifications/{{notification:int}}"): Asked(
        "edit_notifications", {"notification": "NOTIFICATION"}
    ),
    ("GET", "/api/v2/accounts"): Asked("read_account", is_list=True),
    ("GET", V2): Asked("read_account", is_list=True),
    ("GET", f"{V2}/projects"): Asked("read_account", is_list=True),
    ("GET", f"{V2}/projects/{{project:int}}"): Asked("read_account", {"project": 1}),
    ("GET", f"{V2}/repositories"): Asked("read_account", is_list=True),
    ("GET", f"{V2}/repositories/{{project:int}}"): Asked("read_account", {"project": 1}),
    ("GET", f"{V2}/environments"): Asked("read_account", is_list=True),
    ("GET", f"{V2}/environments/{{environment:int}}"): Asked("read_account", {"environment": 20}),
    ("GET", f"{V2}/users"): Asked("read_account", is_list=True),
    ("GET", f"{V2}/users/{{user:int}}"): Asked("read_account", {"user": "USER"}, is_list=True),
    ("GET", f"{V3}/users"): Asked("read_account", is_list=True),
    ("GET", f"{V3}/users/{{user:int}}"): Asked("read_account", {"user": "USER"}, is_list=True),
    ("GET", "/api/v2/users/{user:int}"): Asked("read_account", {"user": "USER"}, is_list=True),
    ("GET", "/api/v3/accounts"): Asked("read_account", is_list=True),
    ("GET", V3): Asked("read_account", is_list=True),
    ("GET", f"{V3}/projects"): Asked("read_account", is_list=True),
    ("GET", f"{V3}/projects/{{project:int}}"): Asked("read_account", {"project": 1}),
    ("GET", f"{V3}/projects/{{project:int}}/repositories"): Asked("read_account", {"project": 1}),
    ("GET", f"{V3}/projects/{{project:int}}/environments"): Asked("read_account", {"project": 1}),
    ("GET", f"{V3}/environments"): Asked("read_account", is_list=True),
    ("GET", f"{V3}/environments/{{environment:int}}"): Asked("read_account", {"environment": 20}),
    ("GET", f"{V3}/projects/{{project:int}}/environments/{{environment:int}}"): Asked(
        "read_account", {"project": 1, "environment": 20}
    ),
    ("GET", f"{VARIABLES}/environment"): Asked("read_account", {"project": 1}),
    ("GET", f"{VARIABLES}/user"): Asked("read_account", {"project": 1}, query="user_id=4"),
    **{
        (method, f"{VARIABLES}/bulk"): Asked("edit_jobs", {"project": 1}, {})
        for method in ("POST", "PUT", "DELETE")
    },
    ("GET", f"{VARIABLES}/job"): Asked(
        "read_jobs", {"project": 1, "job": 1}, query="job_definition_id=1"
    ),
    ("POST", VARIABLES): Asked(
        "edit_jobs",
        {"project": 1, "job": 1},
        {"type": "job", "job_definition_id": 1, "name": "DBT_A", "raw_value": "b"},
    ),
    ("POST", f"{VARIABLES}/{{variable:int}}"): Asked(
        "edit_jobs", {"project": 1, "job": 1, "variable": "VARIABLE"}, {"raw_value": "b"}
    ),
    ("DELETE", f"{VARIABLES}/{{variable:int}}"): Asked(
        "edit_jobs", {"project": 1, "job": 1, "variable": "VARIABLE"}
    ),
    ("GET", f"{HOOKS}/subscriptions"): Asked("read_webhooks", is_list=True),
    ("POST", f"{HOOKS}/subscriptions"): Asked("edit_webhooks", body={**HOOK, "job_ids": [1]}),
    ("GET", f"{HOOKS}/subscription/{{subscription}}"): Asked(
        "read_webhooks", {"subscription": "HOOK"}
    ),
    # Those of deploy.yaml are not changed.
    ("PUT", f"{HOOKS}/subscription/{{subscription}}"): Asked(
        "edit_webhooks", {"subscription": "HOOK"}, HOOK
    ),
    ("DELETE", f"{HOOKS}/subscription/{{subscription}}"): Asked(
        "edit_webhooks", {"subscription": "HOOK"}
    ),
    ("GET", f"{HOOKS}/subscription/{{subscription}}/test"): Asked(
        "edit_webhooks", {"subscription": "HOOK"}
    ),
    ("GET", f"{HOOKS}/subscription/{{subscription}}/events"): Asked(
        "read_webhooks", {"subscription": "HOOK"}
    ),
    ("GET", f"{HOOKS}/subscription/{{subscription}}/event/{{event}}/receipt"): Asked(
        "read_webhooks", {"subscription": "HOOK", "event": "wev_lion"}
    ),
    ("GET", f"{HOOKS}/event/{{event}}"): Asked("read_webhooks", {"event": "wev_lion"}),
    ("GET", f"{HOOKS}/event/{{event}}/receipts"): Asked("read_webhooks", {"event": "wev_lion"}),
    ("GET", f"{HOOKS}/receipt/{{receipt}}"): Asked("read_webhooks", {"receipt": "wer_lion"}),
}
"""What the routes of the front need; the objects are of project `zebra`, environment `lion`."""

SEES = {
    "job": "read_jobs",
    "run": "read_runs",
    "step": "read_runs",
    "project": "read_account",
    "environment": "read_account",
    "subscription": "read_webhooks",
    "event": "read_webhooks",
    "receipt": "read_webhooks",
    "notification": "read_notifications",
}
"""The action by which a path's object is seen; one that is not seen is not found."""
PLACES: dict[str, dict[str, Any]] = {
    "own": {"projects": ["ze*"]},
    "environment": {"environments": ["lion"]},
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
    numbers: dict[str, int | str]
    """The numbers of the run, its step, the job's variable, webhook and notification."""

    def hidden(self, place: str) -> list[str]:
        """The words that no answer has in a place, be it a list or a refusal."""
        if place in REACHED:
            return []
        project = [] if place == "elsewhere" else ["zebra"]
        return [*project, "lion", f"{self.numbers['RUN']}"]

    def call(self, method: str, template: str, asked: Asked, *, by: str, **headers: str) -> Answer:
        path = template.replace(":int", "").replace(":path", "")
        numbers = {**self.numbers, "USER": number_of(by)}
        own = {name: numbers.get(str(value), value) for name, value in asked.path.items()}
        path = path.format(**own, account=7) + (f"?{asked.query}" if asked.query else "")
        _notified(self.front.state)
        return Caller(self.address, by).call(method, path, asked.body, **headers)


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
    lion = Environment(name="lion", id=20, project=zebra, type="production")
    staging = replace(lion, name="staging", id=21, type="staging")
    other = Environment(name="other", id=22, project=crm, type="general")
    written = WrittenJob(root / "jobs.yml", 3)
    jobs = [
        job(lion, 1, variables={"DBT_A": "lion"}, written=written, generate_docs=True),
        *(job(staging, 2), job(other, 3), job(lion, 4, job_type="ci")),
    ]
    tokens = [
        token(f"{permission}-{place}", permission, **narrowed)
        for permission in PERMISSIONS
        for place, narrowed in PLACES.items()
    ]
    return Deployment(
        source=root / "deploy.yaml",
        account=Account(7, "Acme"),
        projects={"zebra": zebra, "crm": crm},
        environments={each.name: each for each in (lion, staging, other)},
        jobs={each.name: each for each in jobs},
        webhooks={
            "lion": FileSubscription(
                "lion",
                "http://127.0.0.1/lion",
                Secret(env="NOWHERE"),
                ("job.run.started",),
                jobs=("job1",),
            )
        },
        artifacts=str(root / "artifacts"),
        dagster_url=f"http://127.0.0.1:{free_port()}",
        tokens={each.name: each for each in tokens},
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("front")
    wanted = deployment(root)
    with dg.DagsterInstance.ephemeral() as instance:
        history = History(instance, root)
        run_id = _past_runs(history, wanted.jobs["lion__job1"])
        configuration = Configuration(wanted, load=lambda: wanted)
        front = Front(configuration, StateDirectory(root / "state"), history.plain())
        with running(front) as address:
            number = run_number(run_id)
            variable = number_of("lion__job1 DBT_A")
            [hook] = of_file(wanted)
            _delivered(front.state, hook.id)
            numbers = {
                "RUN": number,
                "STEP": step_id(number, 1),
                "VARIABLE": variable,
                "HOOK": hook.id,
                "NOTIFICATION": NOTIFICATION.id,
            }
            yield Served(front, address, numbers)


def _delivered(state: StateDirectory, webhook: str) -> None:
    """Note one attempt to deliver an event to a webhook."""
    at = datetime.now(UTC)
    receipt = Receipt("wer_lion", "wev_lion", webhook, "job.run.started", 1, at, 1, "sent")
    Ledger.of(state).note(receipt)


def _notified(state: StateDirectory) -> None:
    """Have the notification of the job, which a request before may have deleted, and no other."""
    state.api_notifications.unlink(missing_ok=True)
    Store(state).create(NOTIFICATION, now=datetime.fromtimestamp(NOTIFICATION.id, UTC))


def _past_runs(history: History, of: Job) -> str:
    """Add a run that has succeeded, and one that has failed; return the id of the latter."""
    own: dict[str, Any] = {"job_id": f"{of.id}", "project": "zebra"}
    succeeded = history.add(of.name, dg.DagsterRunStatus.SUCCESS, **own)
    failed = history.add(of.name, dg.DagsterRunStatus.FAILURE, **own)
    first = steps(of)[0]
    step = StepRecord(first.index, first.key, first.name, first.kind, Status.ERROR, BEGAN, BEGAN)
    facts = replace(facts_of(failed, Status.ERROR), job=of.name, job_id=of.id, environment="lion")
    history.keep(replace(facts, project="zebra", steps=(step,)))
    for run_id in (succeeded, failed):
        file = Path(history.artifacts.run(run_id).path) / first.directory / "target/manifest.json"
        file.parent.mkdir(parents=True)
        file.write_text("{}")
    return failed


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
            for word in served.hidden(place):
                assert word not in answer.text, f"{permission} {place}: {answer}"


def _expected(permission: Permission, place: str, asked: Asked) -> str:
    may = asked.action in ALLOWED[permission]
    if asked.is_list:
        return "answered" if may else "forbidden"
    objects = {name for name in asked.path if name in SEES}
    # One environment of the project is there, too, and with it the project.
    reaches = place in REACHED or (place == "elsewhere" and objects == {"project"})
    if not reaches or not ALLOWED[permission].issuperset(SEES[name] for name in objects):
        return "not found" if objects else "forbidden"
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


QUERIES = {
    f"{V2}/runs": [
        "include_related=trigger,job,environment,repository,run_steps,run_retries,audit,debug_logs",
        *("job_definition_id=1", "environment_id=20", "project_id=1", "status=20", "pk=RUN"),
        *("order_by=-finished_at&limit=1", "has_docs_generated=false"),
    ],
    f"{V2}/jobs": [
        "include_related=environment,custom_environment_variables,most_recent_run",
        *("environment_id=20", "project_id=1", "pk=1", "name__icontains=zebra"),
    ],
    f"{V2}/environments": ["project_id=1"],
    f"{V3}/environments": ["project_id=1", "name=lion"],
}
"""Queries that a list might answer with more than its plain one."""


@pytest.mark.parametrize("path", QUERIES)
def test_no_query_shows_what_a_token_does_not_see(served: Served, path: str):
    for query in QUERIES[path]:
        own = replace(ROUTES["GET", path], query=query.replace("RUN", f"{served.numbers['RUN']}"))
        for place in set(PLACES) - {*REACHED}:
            answer = served.call("GET", path, own, by=f"account_admin-{place}")
            for word in served.hidden(place):
                if word not in query:
                    shown = json.dumps(answer.json["data"])
                    assert word not in shown, f"{place} {query}: {answer}"


MISSING: dict[str, Any] = {
    "job": 991,
    "run": 2**47 + 1,
    "step": step_id(2**47 + 1, 1),
    "variable": 4,
    "subscription": "nothing",
    "event": "wev_nothing",
    "receipt": "wer_nothing",
    "notification": 994,
    "environment": 992,
    "project": 993,
}
"""Numbers of nothing, by the names of paths."""
BODY = {
    "environment_id": 992,
    "project_id": 993,
    "job_definition_id": 991,
    "job_ids": [991],
    "on_failure": [991],
}
UNSEEN = [(method, path) for method, path in API if {*ROUTES[method, path].path} & {*MISSING}]


@pytest.mark.parametrize(("method", "path"), UNSEEN, ids=lambda each: each.replace(V2, ""))
def test_what_a_token_does_not_see_is_answered_as_what_there_is_not(
    served: Served, method: str, path: str
):
    asked = ROUTES[method, path]
    for place in {*PLACES} - {*REACHED}:
        kept = {"project"} if place == "elsewhere" else set[str]()
        named = {name: MISSING[name] for name in asked.path if name in MISSING and name not in kept}
        body = asked.body and {name: BODY.get(name, each) for name, each in asked.body.items()}
        missing = replace(
            asked,
            path={**asked.path, **named},
            body=body,
            query=asked.query.replace("job_definition_id=1", "job_definition_id=991"),
        )
        for permission in PERMISSIONS:
            by = f"{permission}-{place}"
            found = served.call(method, path, asked, by=by)
            other = served.call(method, path, missing, by=by)
            assert (found.status, found.text) == (other.status, other.text), by


NUMBERS: dict[str, tuple[Any, int]] = {
    "runs pk": ("RUN", MISSING["run"]),
    "runs id__gt": ("RUN", MISSING["run"]),
    "deferring_run_id": ("RUN", MISSING["run"]),
    "jobs pk": (1, 991),
    "environments pk": (20, 992),
    "job_definition_id": (1, 991),
    "environment_id": (20, 992),
    "project_id": (1, 993),
    "projects pk": (1, 993),
    "repositories pk": (1, 993),
}
"""The number of something, and one of nothing, by the filters that take it."""
LISTS = [
    (path, name, NUMBERS[key])
    for (method, path), operation in OPERATIONS.items()
    for name in operation.query
    for key in (name.removesuffix("__in"), f"{path.rpartition('/')[2]} {name}".removesuffix("__in"))
    if method == "GET" and path.count("{") == 1 and key in NUMBERS
]


def test_filters_by_number_are_tried():
    assert len(LISTS) > 20


@pytest.mark.parametrize(("path", "name", "numbers"), LISTS)
def test_a_filter_finds_what_a_token_does_not_see_as_what_there_is_not(
    served: Served, path: str, name: str, numbers: tuple[Any, int]
):
    """`id__gt` told whether there is a run, of any project, by 400."""
    of_project = "project" in name + path or path.endswith("repositories")
    for place in ("other", "none", *([] if of_project else ["elsewhere"])):
        hidden = served.numbers.get(f"{numbers[0]}", numbers[0])
        answers = [
            served.call("GET", path, Asked("", query=f"{name}={each}"), by=f"account_admin-{place}")
            for each in (hidden, numbers[1])
        ]
        found, other = [_but_filters(answer, name) for answer in answers]
        assert _text(found, hidden) == _text(other, numbers[1]), place


def test_runs_of_others_choose_no_artifact(served: Served):
    asked = Asked("", {"job": 2, "path": "manifest.json"})
    path = f"{V2}/jobs/{{job:int}}/artifacts/{{path:path}}"
    answers = [
        served.call(
            "GET", path, replace(asked, query=f"id__gt={each}"), by="account_admin-elsewhere"
        )
        for each in (served.numbers["RUN"], MISSING["run"])
    ]
    assert [each.status for each in answers] == [400, 400]


def _but_filters(answer: Answer, name: str) -> Any:
    found = answer.json
    found.get("extra", {}).get("filters", {}).pop(name, None)
    return found


def _text(content: Any, number: Any) -> str:
    """An answer without a number that it repeats; small ones are in all answers."""
    text = json.dumps(content)
    return text if len(f"{number}") < 4 else text.replace(f"{number}", "N")


def test_a_project_names_no_job_that_its_token_does_not_see(served: Served):
    for path in (f"{V2}/projects/{{project:int}}", f"{V3}/projects/{{project:int}}"):
        shown = [
            served.call("GET", path, Asked("", {"project": 1}), by=f"account_admin-{place}").json
            for place in ("own", "elsewhere")
        ]
        assert [each["data"]["docs_job_id"] for each in shown] == [1, None]


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


@pytest.mark.parametrize(
    ("asked", "action"),
    [
        ({"config": {"steps": ["dbt run"]}}, "override_steps"),
        ({"config": {"target_name": "other"}}, "override_code"),
    ],
)
def test_a_retry_needs_the_permissions_of_the_run_that_it_repeats(
    served: Served, asked: dict[str, Any], action: str
):
    """A token could have started the steps of another one again."""
    history = History(served.front.runs.instance, Path("unused"))
    of = served.front.deployment.jobs["lion__job1"]
    run_id = history.add(
        of.name,
        dg.DagsterRunStatus.FAILURE,
        run_config={"ops": {CLONE: asked}},
        job_id=f"{of.id}",
        project="zebra",
    )
    path = f"{V2}/runs/{{run:int}}/retry"
    for permission in PERMISSIONS:
        wish = Asked("trigger", {"run": run_number(run_id)})
        answer = served.call("POST", path, wish, by=f"{permission}-own")
        may = {"trigger", action} <= set(ALLOWED[permission])
        assert (answer.status in (403, 404)) is not may, f"{permission}: {answer}"


@pytest.mark.parametrize("option", ["--target prod", "-t prod", "--profile x", "--profiles-dir=/"])
def test_no_token_chooses_another_connection(served: Served, option: str):
    body = {"cause": "Attack", "steps_override": ["dbt build", f"dbt build {option}"]}
    asked = Asked("trigger", {"job": 1}, body)
    path = f"{V2}/jobs/{{job:int}}/run"
    answer = served.call("POST", path, asked, by="account_admin-own")
    assert answer.status == 400
    assert option.replace("=", " ").split()[0] in answer.json["data"]["steps_override"]
