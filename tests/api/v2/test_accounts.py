"""The account over HTTP: projects, environments, repositories and users, in both versions."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.api.api_fields import (
    ACCOUNT,
    ENVIRONMENT,
    ENVIRONMENT_V3,
    EXTRA,
    PROJECT,
    REPOSITORY,
    USER,
    Fields,
)
from tests.support.history.past_front import NONE, PRODS, SHOPS, PastFront, past_front


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastFront]:
    with past_front(tmp_path_factory.mktemp("account")) as made:
        yield made


@pytest.mark.parametrize("version", ["v2", "v3"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_account(front: PastFront, version: str, slash: str):
    one = front.raw(f"/api/{version}/accounts/7{slash}").data
    assert [*ACCOUNT.faults(one)] == []
    assert (one["id"], one["name"], one["run_slots"]) == (7, "Acme", 3)
    every = front.raw(f"/api/{version}/accounts{slash}")
    assert every.data == [one]
    assert [*EXTRA.faults(every.json["extra"])] == []
    assert front.raw(f"/api/{version}/accounts/8{slash}").status == 403


LISTS: Mapping[str, tuple[str, str, Fields, list[int]]] = {
    "projects": ("v2", "projects", PROJECT, [10, 11]),
    "projects of v3": ("v3", "projects", PROJECT, [10, 11]),
    "repositories": ("v2", "repositories", REPOSITORY, [10, 11]),
    "environments": ("v2", "environments", ENVIRONMENT, [20, 21, 22]),
    "environments of v3": ("v3", "environments", ENVIRONMENT_V3, [20, 21, 22]),
    "environments of a project": ("v3", "projects/10/environments", ENVIRONMENT_V3, [20, 21]),
    "repositories of a project": ("v3", "projects/11/repositories", REPOSITORY, [11]),
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("related", ["", "repository,project,connection"])
def test_lists_and_their_entries(front: PastFront, name: str, related: str):
    version, path, fields, wanted = LISTS[name]
    found = front.get(path, version=version, include_related=related)
    assert [*EXTRA.faults(found.json["extra"])] == []
    assert [each["id"] for each in found.data] == wanted
    assert [fault for each in found.data for fault in fields.faults(each)] == []
    if not path.endswith("/repositories"):
        for each in found.data:
            one = front.get(f"{path}/{each['id']}", version=version, include_related=related)
            assert one.data == each


def test_an_environment_in_dbt_clouds_words(front: PastFront):
    prod, staging, trials = front.get("environments", include_related="repository").data
    same = ("name", "type", "deployment_type", "custom_branch", "use_custom_branch", "dbt_version")
    assert [prod[each] for each in same] == [
        *("prod", "deployment", "production", "main", True, "latest"),
    ]
    assert [staging[each] for each in same] == [
        *("staging", "deployment", "staging", None, False, "1.10.*"),
    ]
    assert [trials[each] for each in same] == [
        *("trials", "deployment", None, "v1", True, "latest"),
    ]
    assert trials["dbt_project_subdirectory"] == "dbt"
    assert prod["repository"]["full_name"] == "acme/shop"


def test_a_project_names_the_jobs_of_its_docs_and_freshness(front: PastFront):
    shop, lab = front.get("projects").data
    assert (shop["docs_job_id"], shop["freshness_job_id"]) == (1, 1)
    assert (lab["docs_job_id"], lab["freshness_job_id"]) == (None, None)


def test_no_credentials_and_no_paths_of_the_machine_are_told(front: PastFront):
    for path in ("projects", "repositories", "environments"):
        content = front.get(path, include_related="repository").content
        assert b"secret-word" not in content
        assert b"/srv/private" not in content
    shop, lab = front.get("repositories").data
    assert shop["remote_url"] == "https://git.example/acme/shop.git"
    assert (lab["remote_url"], lab["full_name"]) == (None, "lab")


@pytest.mark.parametrize(
    ("path", "query", "wanted"),
    [
        ("projects", {"name__icontains": "SH"}, [10]),
        ("projects", {"pk__gt": 10}, [11]),
        ("projects", {"pk__in": [10, 12]}, [10]),
        ("projects", {"order_by": "-id", "limit": 1}, [11]),
        ("projects", {"state": "deleted"}, []),
        ("environments", {"project_id": 11}, [22]),
        ("environments", {"project_id__in": "10"}, [20, 21]),
        ("environments", {"dbt_version": "1.10.*"}, [21]),
        ("environments", {"deployment_type": "production"}, [20]),
        ("environments", {"deployment_type__in": ["production", "staging"]}, [20, 21]),
        ("environments", {"name": "prod"}, [20]),
        ("environments", {"type": "development"}, []),
        ("environments", {"id__gt": 21}, [22]),
        ("repositories", {"project_id": 10}, [10]),
    ],
)
def test_filters(front: PastFront, path: str, query: Mapping[str, Any], wanted: list[int]):
    assert [each["id"] for each in front.get(path, **query).data] == wanted


@pytest.mark.parametrize("path", ["projects", "environments", "repositories", "users"])
def test_unknown_filters_are_400(front: PastFront, path: str):
    assert front.get(path, no_such="1").status == 400


def test_users_are_the_token_itself(front: PastFront):
    [user] = front.get("users", token=SHOPS).data
    assert [*USER.faults(user)] == []
    assert user["first_name"] == "shop"
    assert user["permissions"][0]["license_type"] == "read_only"


def test_the_user_of_a_token_is_found_by_its_number_and_no_other_is(front: PastFront):
    [user] = front.get("users", token=SHOPS, version="v3").data
    own = f"users/{user['id']}"
    assert front.raw(f"/api/v2/{own}/", token=SHOPS).data == user
    for version in ("v2", "v3"):
        assert front.get(own, token=SHOPS, version=version).data == user
        assert front.get(own, token=PRODS, version=version).status == 404
    assert front.raw(f"/api/v2/{own}", token=PRODS).status == 404


def test_what_a_token_does_not_see_is_not_there(front: PastFront):
    assert [each["id"] for each in front.get("projects", token=SHOPS).data] == [10]
    assert [each["id"] for each in front.get("environments", token=PRODS).data] == [20]
    for path in ("projects/11", "environments/22", "repositories/11"):
        assert front.get(path, token=SHOPS).status == 404
    assert front.get("projects/11/environments", token=SHOPS, version="v3").status == 404
    assert front.get("environments/21", token=PRODS, version="v3").status == 404
    assert front.get("projects/11/environments/20", version="v3").status == 404
    for path in ("projects", "environments", "repositories", "users"):
        assert front.get(path, token=NONE).status == 403
    assert front.raw("/api/v2/accounts/7", token=NONE).status == 403
    assert front.raw("/api/v2/accounts", token="unknown").status == 401
