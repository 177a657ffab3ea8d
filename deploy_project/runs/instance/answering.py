"""The check that the Dagster at a URL is this deployment's, before it is asked to act."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import dagster as dg

from deploy_project.errors import LaunchError
from deploy_project.runs.instance import history, identity
from deploy_project.runs.instance.identity import ASSET, Answer, Identity, Request
from deploy_project.runs.model.tags import LOCATION

_LATEST = 50
"""So many questions may be asked at a time."""
_LONGEST = 300
_KEY = {"path": list(ASSET)}
_WHO = """
    query($asset: AssetKeyInput!) {
      workspaceOrError {
        ... on Workspace {
          locationEntries {
            name
            locationOrLoadError { ... on PythonError { message errorChain { error { message } } } }
          }
        }
      }
      assetOrError(assetKey: $asset) {
        ... on Asset {
          definition {
            repository { location { name } }
            metadataEntries { label ... on TextMetadataEntry { text } }
          }
        }
      }
    }
"""
_HEARD = """
    query($asset: AssetKeyInput!, $latest: Int!) {
      assetOrError(assetKey: $asset) {
        ... on Asset { assetObservations(limit: $latest) { metadataEntries {
          label ... on TextMetadataEntry { text }
        } } }
      }
    }
"""


def ensure_ours(
    url: str,
    ours: Identity,
    *,
    wish: Request,
    timeout: int,
    instance: dg.DagsterInstance | None = None,
) -> None:
    """Raise `LaunchError` unless the Dagster at `url` is that of this deployment.

    Its code location has to publish this identity, and it has to work on this history, which is
    `instance` or else the one that the working directory names: a copy of a deployment has the same
    configuration, and even the same runs.
    """
    answer = _answer(url, timeout=timeout)
    refused = identity.refusal(url, ours, answer, wish=wish)
    if refused:
        raise LaunchError(refused)
    if instance is not None:
        _ensure_shared(url, ours, answer, instance, timeout=timeout)
        return
    with history.opened() as opened:
        _ensure_shared(url, ours, answer, opened, timeout=timeout)


def _ensure_shared(
    url: str, ours: Identity, answer: Answer, instance: dg.DagsterInstance, *, timeout: int
) -> None:
    """Report an observation to the history here; raise `LaunchError` unless `url` has it, too."""
    word = str(uuid4())
    instance.report_runless_asset_event(
        dg.AssetObservation(
            dg.AssetKey(ASSET),
            description=f"Is {url} the Dagster of this deployment?",
            metadata={"word": word, **ours.metadata},
        )
    )
    found = _ask(url, _HEARD, {"asset": _KEY, "latest": _LATEST}, timeout=timeout)
    heard = (
        _texts(each["metadataEntries"])
        for each in found["assetOrError"].get("assetObservations", ())
    )
    if word not in (each.get("word") for each in heard):
        raise LaunchError(
            identity.another_history(url, ours, answer.identity, history=history.place())
        )


def _answer(url: str, *, timeout: int) -> Answer:
    found = _ask(url, _WHO, {"asset": _KEY}, timeout=timeout)
    entries: list[Any] = found["workspaceOrError"].get("locationEntries", [])
    errors: dict[str, Any] = {each["name"]: each["locationOrLoadError"] for each in entries}
    definition: Any = found["assetOrError"].get("definition")
    is_ours = definition and definition["repository"]["location"]["name"] == LOCATION
    return Answer(
        locations=list(errors),
        problem=_cause(errors.get(LOCATION)),
        identity=Identity.published(_texts(definition["metadataEntries"])) if is_ours else None,
    )


def _cause(error: Any) -> str:
    """Return the message of the root cause of a Dagster error; empty without an error."""
    if not error or "message" not in error:
        return ""
    messages = [error["message"], *(each["error"]["message"] for each in error["errorChain"])]
    return _shortened(messages[-1])


def _ask(url: str, query: str, variables: Mapping[str, Any], *, timeout: int) -> dict[str, Any]:
    """Return the data of Dagster's answer to `query`, which changes nothing."""
    import requests

    try:
        response = requests.post(
            f"{url}/graphql",
            json={"query": query, "variables": variables},
            timeout=timeout,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise LaunchError(unanswered(url)) from error
    data = _data(response.content)
    if data is None:
        raise LaunchError(
            f"what answers at {url} is no Dagster webserver that is understood here: HTTP "
            f"{response.status_code}, {_shortened(response.text) or 'nothing'}; set `dagster_url:` "
            "in deploy.yaml to where the webserver of this deployment is"
        )
    return data


def _data(content: bytes) -> dict[str, Any] | None:
    """Return the data of an answer in GraphQL; None for any other answer."""
    try:
        return dict(json.loads(content)["data"])
    except (ValueError, LookupError, TypeError):
        return None


def unanswered(url: str) -> str:
    """Return the error message for a Dagster that does not answer."""
    return (
        f"Dagster at {url} does not answer; start it with `dagster dev`, or set "
        "`dagster_url:` in deploy.yaml to where its webserver is"
    )


def _texts(entries: list[dict[str, str]]) -> dict[str, str]:
    return {each["label"]: each.get("text", "") for each in entries}


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST else words[:_LONGEST] + "…"


def answers(url: str, *, seconds: float) -> bool:
    """Whether a Dagster's webserver answers at `url` within `seconds`, whosever it is."""
    import requests

    try:
        with requests.get(f"{url}/server_info", timeout=seconds, allow_redirects=False) as answer:
            return answer.ok
    except requests.RequestException:
        return False
