"""Answers of a front against an OpenAPI document, by hand: `make conform SPEC=openapi-v2.yaml`.

Without `--url` and `--token`, that of a history of runs that nobody has run. The document has no
nulls at all, and dbt Cloud's own answers are full of them: a null is taken for every type.
"""

import argparse
import json
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from deploy_project.notify.over_api.notification import Notification
from deploy_project.notify.over_api.store import Store
from tests.support.history.past_front import ALL, past_front

Get = Callable[[str], Any]
LISTS = (
    *("accounts/", "runs/", "jobs/", "projects/", "environments/", "repositories/", "users/"),
    "notifications/",
)
_FIELDS = {
    "runs": "trigger,job,environment,repository,run_steps,run_retries,used_repo_cache,audit",
    "jobs": "environment,custom_environment_variables,most_recent_run,most_recent_completed_run",
}
_MOST = 30
_MORE = "more than the document has"
"""No fault: dbt Cloud's own answers have more."""


def paths(get: Get, version: str, account: int) -> Iterator[tuple[str, str]]:
    """The address of each answer to look at, and the path of the document that it is of."""
    root = f"/api/{version}/accounts/"
    yield root, root
    if version == "v2":
        yield f"{root}{account}/", f"{root}{{account_id}}/"
    below, written = f"{root}{account}/", f"{root}{{account_id}}/"
    for name in LISTS[1:] if version == "v2" else ("projects/",):
        yield f"{below}{name}", f"{written}{name}"
        for each in get(f"{below}{name}?limit=20")["data"]:
            related = _FIELDS.get(name.strip("/"), "repository")
            path = f"{below}{name}{each['id']}/"
            if name != "users/":
                yield f"{path}?include_related={related}", f"{written}{name}{{id}}/"
            if name == "runs/":
                yield f"{path}artifacts/", f"{written}runs/{{run_id}}/artifacts/"
                for step in get(f"{path}?include_related=run_steps")["data"]["run_steps"][:2]:
                    yield f"{below}steps/{step['id']}/", f"{written}steps/{{id}}/"
            if name == "projects/" and version == "v3":
                listed = f"{written}projects/{{project_id}}/environments/"
                yield f"{path}environments/", listed
                for one in get(f"{path}environments/")["data"]:
                    yield f"{path}environments/{one['id']}/", f"{listed}{{id}}/"


def differences(spec: Mapping[str, Any], written: str, answer: Any) -> Iterator[str]:
    """The differences between an answer and the document's schema of it."""
    operation = spec["paths"].get(written, {}).get("get")
    if operation is None:
        yield "is not in the document"
        return
    response = next(each for code, each in operation["responses"].items() if code[0] == "2")
    schema = response["content"]["application/json"]["schema"]
    whole = {**schema, "components": with_nulls(spec["components"])}
    checker = jsonschema.FormatChecker()
    checker.checks("date-time", ValueError)(_is_time)
    for error in jsonschema.Draft202012Validator(whole, format_checker=checker).iter_errors(answer):
        for each in _leaves(error):
            place = ".".join("N" if isinstance(k, int) else k for k in each.absolute_path)
            yield f"{place}: {each.message[:150]}"
    data = answer["data"]
    yield from (
        f"{_MORE}: {name}"
        for each in (data if isinstance(data, list) else [data])
        if isinstance(each, dict)
        for name in each.keys() - _properties(spec, schema)
    )


def _leaves(error: Any) -> Iterator[Any]:
    """The errors below one that came of the null that is allowed everywhere."""
    inner = [each for each in error.context or () if each.validator_value != "null"]
    if not inner:
        yield error
    for each in inner:
        yield from _leaves(each)


def _properties(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> set[str]:
    def found(each: Mapping[str, Any]) -> Mapping[str, Any]:
        named = each.get("$ref", "").rpartition("/")[2]
        return spec["components"]["schemas"][named] if named else each

    data = found(found(schema)["properties"]["data"])
    return set(found(data.get("items", data)).get("properties", {}))


def with_nulls(part: Any) -> Any:
    """A part of the document in which every property may be null."""
    if isinstance(part, list):
        return [with_nulls(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        name: (
            {key: {"anyOf": [with_nulls(each), {"type": "null"}]} for key, each in value.items()}
            if name == "properties"
            else with_nulls(value)
        )
        for name, value in part.items()
    }


def _is_time(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.fromisoformat(value))


def report(spec: Mapping[str, Any], get: Get, account: int) -> int:
    """Print what differs, once for each path of the document; return the number of faults."""
    version = "v3" if "v3" in spec["info"]["title"] else "v2"
    found: dict[str, Counter[str]] = {}
    for address, written in paths(get, version, account):
        found.setdefault(written, Counter()).update({*differences(spec, written, get(address))})
    for written, told in found.items():
        print(f"{written}: {'conforms' if not told else ''}")
        for text, count in told.most_common(_MOST):
            print(f"    {count} × {text}")
    return sum(not text.startswith(_MORE) for told in found.values() for text in told)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", type=Path)
    parser.add_argument("--url", help="the address of a front that runs")
    parser.add_argument("--token", default=ALL)
    parser.add_argument("--account", type=int, default=7)
    given = parser.parse_args(arguments)
    spec: Any = yaml.safe_load(given.spec.read_text("utf-8"))

    def of(url: str) -> Get:
        def get(path: str) -> Any:
            header = {"Authorization": f"Token {given.token}"}
            asked = urllib.request.Request(f"{url}{path}", headers=header)
            with urllib.request.urlopen(asked) as answer:
                return json.load(answer)

        return get

    if given.url:
        return report(spec, of(given.url.rstrip("/")), given.account)
    with tempfile.TemporaryDirectory() as scratch, past_front(Path(scratch)) as front:
        front.history.fill(60)
        front.history.catch_up()
        mail = Notification(0, 4, "all", on_failure=(1,), external_email="a@b.example")
        Store(front.state).create(mail, now=datetime.now(UTC))
        return report(spec, of(front.url), given.account)


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1:])))
