"""dbt Cloud's API on loopback, as far as `import` reads it: objects as real answers have them."""

import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ACCOUNT, TOKEN = 70403103922125, "dbtc_token-of-the-account"
PROJECT, ENVIRONMENT, JOB = 70403103926818, 70403103931988, 70403103936332
STAGING, REPOSITORY = 70403103931989, 70403103926999
MASK = "**********"

ACCOUNT_OBJECT = {"id": ACCOUNT, "name": "Acme {{ corp }}", "run_slots": 5, "plan": "enterprise"}
PROJECT_OBJECT = {
    "id": PROJECT,
    "name": "Jaffle Shop",
    "account_id": ACCOUNT,
    "description": None,
    "connection_id": 12,
    "repository_id": REPOSITORY,
    "state": 1,
    "dbt_project_subdirectory": "transform",
    "type": 0,
    "connection": {"id": 12, "type": "snowflake", "details": {}},
    "repository": None,
    "environments": [],
}
REPOSITORY_OBJECT = {
    "id": REPOSITORY,
    "account_id": ACCOUNT,
    "project_id": PROJECT,
    "full_name": "acme/jaffle-shop",
    "remote_url": "git://github.com/acme/jaffle-shop.git",
    "remote_backend": "github",
    "git_clone_strategy": "github_app",
    "state": 1,
}
ENVIRONMENT_OBJECT = {
    "id": ENVIRONMENT,
    "account_id": ACCOUNT,
    "project_id": PROJECT,
    "credentials_id": 3,
    "connection_id": 12,
    "extended_attributes_id": None,
    "name": "Production",
    "dbt_version": "versionless",
    "type": "deployment",
    "deployment_type": "production",
    "use_custom_branch": True,
    "custom_branch": "main",
    "supports_docs": True,
    "state": 1,
}
EVERY_DAY = [0, 1, 2, 3, 4, 5, 6]
JOB_OBJECT = {
    "id": JOB,
    "account_id": ACCOUNT,
    "project_id": PROJECT,
    "environment_id": ENVIRONMENT,
    "name": "New job",
    "description": "Example Job Description",
    "dbt_version": None,
    "raw_dbt_version": None,
    "created_at": "2024-05-27T10:42:10.111442+00:00",
    "updated_at": "2024-05-27T10:42:10.111459+00:00",
    "execute_steps": ["dbt build", "dbt seed", "dbt run"],
    "execution": {"timeout_seconds": 0},
    "settings": {"threads": 4, "target_name": "default"},
    "state": 1,
    "deactivated": False,
    "run_failure_count": 0,
    "deferring_job_definition_id": None,
    "deferring_environment_id": None,
    "lifecycle_webhooks": False,
    "lifecycle_webhooks_url": None,
    "triggers": {
        "github_webhook": False,
        "git_provider_webhook": False,
        "schedule": True,
        "on_merge": False,
    },
    "schedule": {
        "cron": "6 */12 * * 0,1,2,3,4,5,6",
        "date": {"type": "interval_cron", "days": EVERY_DAY, "cron": "6 */12 * * 0,1,2,3,4,5,6"},
        "time": {"type": "every_hour", "interval": 12},
    },
    "generate_docs": False,
    "run_generate_sources": False,
    "generate_sources": False,
    "run_compare_changes": False,
    "compare_changes_flags": "--select state:modified",
    "run_lint": False,
    "errors_on_lint_failure": True,
    "cost_optimization_features": [],
    "is_deferrable": False,
    "job_type": "other",
    "triggers_on_draft_pr": False,
    "job_completion_trigger_condition": None,
    "cron_humanized": "At 6 minutes past the hour, every 12 hours",
    "next_run": None,
    "next_run_humanized": None,
    "account": None,
    "project": None,
    "environment": None,
    "fusion_readiness": None,
}


@dataclass
class CloudSite:
    """The objects of an account, and the requests that were made for them."""

    account: Mapping[str, Any] = field(default_factory=lambda: ACCOUNT_OBJECT)
    projects: list[Any] = field(default_factory=lambda: [PROJECT_OBJECT])
    repositories: list[Any] = field(default_factory=lambda: [REPOSITORY_OBJECT])
    environments: list[Any] = field(default_factory=lambda: [ENVIRONMENT_OBJECT])
    jobs: list[Any] = field(default_factory=lambda: [JOB_OBJECT])
    notifications: list[Any] | None = field(default_factory=list[Any])
    """None for a token that may not read them."""
    variables: dict[str, Any] = field(default_factory=dict[str, Any])
    """By name, then by environment's name or `project`: the value."""
    job_variables: dict[int, dict[str, str]] = field(default_factory=dict[int, Any])
    redirect: str = ""
    """The address that all requests are sent on to."""
    refused: int = 0
    """So many requests are answered with 429 first."""
    requests: list[str] = field(default_factory=list[str])
    url: str = ""

    def answer(self, path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        lists = {
            "v2/jobs": self.jobs,
            "v2/repositories": self.repositories,
            "v3/projects": self.projects,
            "v3/environments": self.environments,
        }
        version, _, rest = path.strip("/").removeprefix("prefix/api/").partition("/")
        place = f"{version}/{rest.removeprefix(f'accounts/{ACCOUNT}').strip('/')}"
        if place == "v2/":
            return 200, {"status": {"code": 200, "is_success": True}, "data": self.account}
        if place == "v2/notifications":
            found = self.notifications
            return (403, {"data": None}) if found is None else (200, _page(found, query))
        if place in lists:
            return 200, _page(lists[place], query)
        if place.endswith("/environment-variables/environment"):
            scopes = {
                name: {at: {"id": 1, "value": value} for at, value in found.items()}
                for name, found in self.variables.items()
            }
            return 200, {"data": {"environments": ["project", "Production"], "variables": scopes}}
        if place.endswith("/environment-variables/job"):
            own = self.job_variables.get(int(query["job_definition_id"]), {})
            found = {name: {"job": {"id": 4, "value": value}} for name, value in own.items()}
            return 200, {"data": {**found, "DBT_OTHER": {"project": {"id": 1, "value": "x"}}}}
        return 404, {"data": None}


def _page(objects: list[Any], query: Mapping[str, str]) -> Any:
    limit, offset = int(query.get("limit", 100)), int(query.get("offset", 0))
    page = objects[offset : offset + limit]
    return {
        "status": {"code": 200, "is_success": True},
        "data": page,
        "extra": {
            "filters": {"limit": limit, "offset": offset},
            "pagination": {"count": len(page), "total_count": len(objects)},
        },
    }


@contextmanager
def cloud_site(site: CloudSite) -> Generator[CloudSite]:
    """Serve the site meanwhile, below `url`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            site.requests.append(self.path)
            if self.headers.get("Authorization") != f"Token {TOKEN}":
                return self._send(401, {"data": None})
            if site.redirect:
                return self._send(302, {}, Location=site.redirect)
            if site.refused:
                site.refused -= 1
                return self._send(429, {}, **{"Retry-After": "0"})
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            return self._send(*site.answer(parts.path, query))

        def _send(self, status: int, data: Any, **headers: str) -> None:
            content = json.dumps(data).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": f"{len(content)}"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_address[1]}/prefix"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
