"""As much of the Docker Engine's HTTP API as Dagster's launcher asks for."""

import re
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tests.deploy.containers import Container, Host
from tests.deploy.http_server import Answer, serving

VERSION = {"ApiVersion": "1.47", "MinAPIVersion": "1.24", "Version": "27.5.1"}


@contextmanager
def engine(host: Host) -> Generator[str]:
    """Serve an engine whose containers are on `host`, and yield what `DOCKER_HOST` is for it."""

    def answer(method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        place = re.sub(r"^/v[\d.]+", "", path)
        if place == "/version":
            return 200, VERSION
        if (method, place) == ("POST", "/containers/create"):
            variables = dict(each.split("=", 1) for each in body["Env"])
            made = host.add(uuid.uuid4().hex, body["Cmd"], variables, body)
            return 201, {"Id": made.name, "Warnings": []}
        name, act = re.fullmatch(r"/containers/(\w+)/(\w+)", place).groups()  # type: ignore[union-attr]
        container = host.containers.get(name)
        if container is None or _is_removed(container):
            return 404, {"message": f"No such container: {name}"}
        return _answer(container, act, query)

    with serving(answer) as port:
        yield f"tcp://127.0.0.1:{port}"


def _answer(container: Container, act: str, query: dict[str, str]) -> Answer:
    match act:
        case "json":
            return 200, _inspected(container)
        case "start":
            container.start()
        case "stop":
            container.stop(float(query.get("t", 10)))
        case _:
            return 501, {"message": f"nobody has asked for {act!r} before"}
    return 204, None


def _is_removed(container: Container) -> bool:
    return container.code is not None and container.asked["HostConfig"]["AutoRemove"]


def _inspected(container: Container) -> dict[str, Any]:
    status = "created" if container.process is None else "running"
    return {
        "Id": container.name,
        "State": {"Status": "exited", "ExitCode": container.code}
        if container.code is not None
        else {"Status": status},
        "Config": {"Image": container.asked["Image"], "Labels": container.asked["Labels"]},
    }
