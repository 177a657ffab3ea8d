"""The deployment that the clients speak to: a repository, DuckDB, Dagster, and two fronts."""

import secrets
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy_project.config.values.tokens import digest
from tests.support.deployments.site import ENDLESS, PROJECT, Site, make_site
from tests.support.ports import free_port
from tests.support.running.running_front import (
    PROGRAMS,
    RunningFront,
    running_dagster,
    running_front,
)

ACCOUNT, PROJECT_ID, ENVIRONMENT_ID = 7, 10, 20
DAILY, FAILING, FLAKY, ENDLESS_JOB, CHECKS = 1, 2, 3, 4, 5
MENDED = "mended.csv"
"""The file that the model `flaky` reads; a run in which it has failed makes it."""

_DEPLOY = """
    account: {id: 7, name: Acme}
    projects:
      tiny: {repository: REMOTE, id: 10}
    environments:
      prod: {type: production, branch: main, target: prod, id: 20}
    dagster_url: URL
    tokens:
      clients: {sha256: DIGEST, permissions: [account_admin]}
"""
_JOBS = """
    jobs:
      daily: {id: 1, environment: prod, execute_steps: [dbt build --exclude tag:bad tag:flaky]}
      failing: {id: 2, environment: prod, execute_steps: [dbt build --select failing]}
      flaky:
        id: 3
        environment: prod
        execute_steps: [dbt run --select orders, dbt build --exclude tag:bad, dbt compile]
      endless: {id: 4, environment: prod, execute_steps: [dbt build --select endless]}
      checks:
        id: 5
        environment: prod
        job_type: ci
        execute_steps: [dbt build --select orders]
"""
_MODELS = {
    "dbt_project.yml": f"""{PROJECT["dbt_project.yml"]}
        on-run-end: "{{{{ mend(results) }}}}"
    """,
    "models/failing.sql": "{{ config(tags='bad') }} select nothing from nowhere",
    "models/endless.sql": "{{ config(tags='bad') }}" + ENDLESS,
    "models/steady.sql": "{{ config(tags='flaky') }} select 1 as id",
    "models/flaky.sql": (
        "{{ config(tags='flaky') }}\n"
        f"select * from read_csv('{{{{ env_var('DEPLOY_STATE') }}}}/{MENDED}')\n"
    ),
    "macros/mend.sql": (
        "{% macro mend(results) %}\n"
        "{% for each in results if each.node.name == 'flaky' and each.status == 'error' %}\n"
        f"copy (select 1 as id) to '{{{{ env_var('DEPLOY_STATE') }}}}/{MENDED}' (header)\n"
        "{% endfor %}\n"
        "{% endmacro %}\n"
    ),
}


@dataclass(frozen=True)
class Running:
    """A running deployment, with a front that speaks TLS and one that does not."""

    site: Site
    plain: RunningFront
    secure: RunningFront


@contextmanager
def running(directory: Path) -> Generator[Running]:
    """Run the deployment in `directory` meanwhile."""
    token, port = f"dpt_{secrets.token_urlsafe(32)}", free_port()
    site = make_site(directory)
    site.push(_MODELS)
    url = f"http://127.0.0.1:{port}"
    site.configure(jobs=_JOBS, deploy=_DEPLOY.replace("URL", url).replace("DIGEST", digest(token)))
    authority, options = _certified(site)
    with (
        running_dagster(site, port),
        running_front(site, token=token) as plain,
        running_front(site, *options, token=token, authority=authority) as secure,
    ):
        yield Running(site, plain, secure)


def _certified(site: Site) -> tuple[Path, tuple[str, ...]]:
    """Return the file of a private authority, and the options of `serve` for its certificate."""
    made = site.root / "certificates"
    command = [str(PROGRAMS / "deploy-project"), "certificate", "localhost", "127.0.0.1"]
    subprocess.run(
        [*command, "--directory", str(made)],
        cwd=site.root,
        env=site.environment,
        check=True,
        capture_output=True,
    )
    options = ("--certificate", str(made / "server.pem"), "--key", str(made / "server.key"))
    return made / "authority.pem", options
