"""As much of a Kubernetes API as Dagster's launcher asks for; each job has one pod."""

import re
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.deploy.containers import Container, Host
from tests.deploy.http_server import Answer, serving

Secrets = Mapping[str, Mapping[str, str]]
"""The variables of each Secret and ConfigMap, by its name."""
JOBS = re.compile(r"/apis/batch/v1/namespaces/[\w-]+/jobs(?:/([\w-]+))?(?:/status)?")
PODS = re.compile(r"/api/v1/namespaces/[\w-]+/pods(?:/([\w-]+))?(/log)?")
NOTHING = {"kind": "List", "items": []}


@contextmanager
def cluster(host: Host, secrets: Secrets) -> Generator[str]:
    """Serve a cluster whose pods are on `host`, and yield its address."""

    def answer(method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        if found := JOBS.fullmatch(path):
            return _jobs(host, secrets, method, found[1], body)
        if found := PODS.fullmatch(path):
            return _pods(host, method, found[1], bool(found[2]), query)
        return (200, NOTHING) if path.endswith("/events") else (501, {"message": path})

    with serving(answer) as port:
        yield f"http://127.0.0.1:{port}"


def _jobs(host: Host, secrets: Secrets, method: str, name: str | None, body: Any) -> Answer:
    if method == "POST":
        (pod,) = body["spec"]["template"]["spec"]["containers"]
        made = host.add(body["metadata"]["name"], pod["args"], _variables(pod, secrets), body)
        made.start()
        return 201, body
    container = host.containers.get(name or "")
    if container is None:
        return 404, {"kind": "Status", "reason": "NotFound", "code": 404}
    if method == "DELETE":  # its pods are deleted by themselves
        return 200, {"kind": "Status", "status": "Success"}
    return 200, {**container.asked, "status": _status(container)}


def _pods(host: Host, method: str, name: str | None, log: bool, query: dict[str, str]) -> Answer:
    if name is None:
        wanted = (query.get("labelSelector") or query["fieldSelector"]).split("=")[1]
        found = host.containers.get(wanted)
        return 200, {"kind": "PodList", "items": [] if found is None else [_pod(found)]}
    container = host.containers[name]
    if log:
        return 200, container.log.read_text(encoding="utf-8")
    assert method == "DELETE"
    patience = container.asked["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    threading.Thread(target=container.stop, args=(patience,), daemon=True).start()
    return 200, _pod(container)


def _pod(container: Container) -> dict[str, Any]:
    spec = container.asked["spec"]["template"]["spec"]
    return {"metadata": {"name": container.name}, "spec": spec, "status": {"phase": "Running"}}


def _status(container: Container) -> dict[str, int]:
    match container.code:
        case None:
            return {"active": 1}
        case 0:
            return {"succeeded": 1}
        case _:
            return {"failed": 1}


def _variables(pod: dict[str, Any], secrets: Secrets) -> dict[str, str]:
    variables: dict[str, str] = {}
    for each in pod["envFrom"]:
        variables.update(secrets[(each.get("secretRef") or each["configMapRef"])["name"]])
    for each in pod["env"]:
        wanted = each.get("valueFrom", {}).get("secretKeyRef")
        variables[each["name"]] = (
            each.get("value", "") if wanted is None else secrets[wanted["name"]][wanted["key"]]
        )
    return variables
