"""The front over histories of runs that nobody has run."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import (
    Account,
    DeferToEnvironment,
    Deployment,
    Environment,
    Hosting,
    Job,
    Project,
)
from deploy_project.config.values.tokens import Token, digest
from deploy_project.runs.reads.read_model import Runs
from tests.support.api.callers import Answer, send
from tests.support.history.past_runs import History, on_sqlite
from tests.support.servers.serving import served

SHOP = Project(
    name="shop",
    id=10,
    repository="https://user:secret-word@git.example/acme/shop.git",
    hosting=Hosting("github", "https://github.com/acme/shop", repository="acme/shop"),
)
LAB = Project(name="lab", id=11, repository="/srv/private/lab.git", subdirectory="dbt")
PROD = Environment("prod", 20, SHOP, "production", branch="main", target="prod")
STAGING = Environment("staging", 21, SHOP, "staging", dbt_version="1.10.*")
TRIALS = Environment("trials", 22, LAB, "general", tag="v1")


def job(identifier: str, number: int, environment: Environment, *commands: str, **more: Any) -> Job:
    settings: dict[str, Any] = {"job_type": "scheduled", **more}
    return Job(
        name=f"{environment.name}__{identifier}",
        identifier=identifier,
        id=number,
        title=identifier.capitalize(),
        environment=environment,
        description="",
        steps=tuple(tuple(each.split()[1:]) for each in commands),
        commands=commands,
        **settings,
    )


DAILY = job(
    *("daily", 1, PROD, "dbt seed", "dbt build"),
    generate_docs=True,
    run_generate_sources=True,
    cron=("6 */12 * * 0,1,2,3,4,5,6",),
    scheduled=True,
    deactivate_after=100,
)
HOURLY = job("hourly", 2, PROD, "dbt build", cron=("0 * * * *",), threads=8)
CHECKS = job(
    *("checks", 3, STAGING, "dbt build --select state:modified+"),
    job_type="ci",
    on_pull_request=True,
    deferral=DeferToEnvironment("prod"),
)
TRIAL = job("trial", 4, TRIALS, "dbt run")
JOBS = (DAILY, HOURLY, CHECKS, TRIAL)
ALL, SHOPS, NONE, PRODS = "secret-all", "secret-shop", "secret-none", "secret-prod"


def _token(name: str, text: str, *permissions: Any, **more: Any) -> Token:
    token = Token(name=name, sha256=digest(text), permissions=frozenset(permissions))
    return replace(token, **more)


TOKENS = (
    _token("all", ALL, "account_admin"),
    _token("shop", SHOPS, "job_viewer", projects=("shop",)),
    _token("prod", PRODS, "job_viewer", environments=("prod",)),
    _token("none", NONE, "webhooks_only"),
)


def deployment(source: Path) -> Deployment:
    return Deployment(
        source=source,
        account=Account(7, "Acme", run_slots=3),
        projects={each.name: each for each in (SHOP, LAB)},
        environments={each.name: each for each in (PROD, STAGING, TRIALS)},
        jobs={each.name: each for each in JOBS},
        dagster_url="http://dagster.example:3000",
        tokens={each.name: each for each in TOKENS},
    )


@dataclass(frozen=True)
class PastFront:
    """A front, and the history that it answers from."""

    history: History
    state: StateDirectory
    url: str

    def get(self, path: str, *, token: str = ALL, version: str = "v2", **query: Any) -> Answer:
        """Ask below the account; a list in the query is sent as JSON, `,` repeats a name."""
        written = urlencode(
            {
                name: json.dumps(each) if isinstance(each, list) else each
                for name, each in query.items()
            }
        )
        whole = f"/api/{version}/accounts/7/{quote(path, safe='/%')}"
        return self.raw(f"{whole}?{written}" if written else whole, token=token)

    def raw(self, target: str, *, token: str = ALL) -> Answer:
        """Ask for exactly this target, which clients for people would correct."""
        return send(self.url, "GET", target, headers={"Authorization": f"Token {token}"})


@contextmanager
def past_front(
    directory: Path, *, indexed: bool = True, dagster_url: str = ""
) -> Generator[PastFront]:
    """Serve a front over an empty history in `directory`, which a test fills."""
    state = StateDirectory(directory / "state")
    source = directory / "deploy.yaml"
    source.write_text("", encoding="utf-8")
    made = deployment(source)
    made = replace(made, artifacts=str(directory / "artifacts"))
    if dagster_url:
        made = replace(made, dagster_url=dagster_url)
    with on_sqlite(directory) as instance:
        history = History(instance, directory)
        runs: Runs = history.indexed() if indexed else history.plain()
        with served(made, state, runs=runs) as url:
            yield PastFront(history, state, url)
