"""The OpenAPI document against the routes of the application, and the page on them."""

import re
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from deploy_project.api.app import create_app
from deploy_project.api.front.following import Configuration
from deploy_project.api.front.front import Front
from deploy_project.api.openapi.document import keys
from deploy_project.api.openapi.operations import OPERATIONS
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Account, Deployment
from deploy_project.runs.reads.read_model import Runs
from tests.support.api.callers import Caller, token
from tests.support.paths import ROOT
from tests.support.servers.serving import running


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    root = tmp_path_factory.mktemp("front")
    wanted = Deployment(
        source=root / "deploy.yaml",
        account=Account(7, "Acme"),
        projects={},
        environments={},
        jobs={},
        tokens={each: token(each, each) for each in ("job_viewer", "webhooks_only")},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        configuration = Configuration(wanted, load=lambda: wanted)
        yield Front(configuration, StateDirectory(root / "state"), Runs(instance))


@pytest.fixture(scope="module")
def document(front: Front) -> dict[str, Any]:
    with running(front) as address:
        answer = Caller(address, "webhooks_only").call("GET", "/api/openapi.json")
        assert answer.status == 403, answer
        answer = Caller(address, "job_viewer").call("GET", "/api/openapi.json")
        assert answer.status == 200, answer
        return answer.json


def test_every_route_that_programs_call_has_its_row(front: Front):
    assert sorted(keys(create_app(front).routes)) == sorted(OPERATIONS)


def test_the_document_has_every_operation_once(document: dict[str, Any]):
    found = [(method.upper(), path) for path, item in document["paths"].items() for method in item]
    assert sorted(found) == sorted(OPERATIONS)
    ids = [each["operationId"] for item in document["paths"].values() for each in item.values()]
    assert len(ids) == len(set(ids))


def test_each_parameter_of_a_path_is_described(document: dict[str, Any]):
    for path, item in document["paths"].items():
        for operation in item.values():
            described = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
            assert described == re.findall(r"{(\w+)}", path), path


def test_each_reference_leads_somewhere(document: dict[str, Any]):
    schemas = document["components"]["schemas"]
    named = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert named == set(schemas), named ^ set(schemas)


def test_the_body_of_a_trigger_has_the_fields_of_dbt_clouds(document: dict[str, Any]):
    body = document["components"]["schemas"]["TriggerBody"]
    assert body["required"] == ["cause"]
    assert {"git_sha", "steps_override", "non_native_pull_request_id"} <= set(body["properties"])
    assert body["additionalProperties"] is False


def test_what_needs_no_token_says_so(document: dict[str, Any]):
    free = {
        path
        for path, item in document["paths"].items()
        for operation in item.values()
        if operation.get("security") == []
    }
    assert free == {"/health", "/hooks/{project}"}


def test_the_page_names_every_path():
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for _, path in OPERATIONS:
        below = re.sub(r"^/api/v[23]/accounts/{account}", "", path)
        words = [word for word in below.split("/") if word and not word.startswith("{")]
        assert [word for word in words if word not in page] == [], path
