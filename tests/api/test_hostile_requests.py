"""Requests that no client sends: each is answered shortly, without a word about the machine."""

import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import dagster as dg
import pytest

from deploy_project.api.front.following import Configuration
from deploy_project.api.front.front import Front
from deploy_project.api.http import intake, punctual
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Account, Deployment
from tests.support.api.callers import Answer, Caller, secret, token
from tests.support.deployments.jobs import job
from tests.support.history.past_runs import History
from tests.support.paths import ROOT
from tests.support.ports import free_port
from tests.support.servers.serving import running
from tests.support.waiting import PATIENCE

V2, V3 = "/api/v2/accounts/7", "/api/v3/accounts/7"
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    root = tmp_path_factory.mktemp("front")
    daily = job("dbt build")
    wanted = Deployment(
        source=root / "deploy.yaml",
        account=Account(7, "Acme"),
        projects={"shop": daily.environment.project},
        environments={"prod": daily.environment},
        jobs={daily.name: daily},
        dagster_url=f"http://127.0.0.1:{free_port()}",
        tokens={"admin": token("admin", "account_admin")},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        configuration = Configuration(wanted, load=lambda: wanted)
        runs = History(instance, root).plain()
        with running(Front(configuration, StateDirectory(root / "state"), runs)) as address:
            yield Caller(address, "admin")


def unable(answer: Answer) -> bool:
    """Whether an answer says that Dagster is away."""
    return answer.status == 503 and "Dagster at" in answer.text


AWAY = '"What this needs does not answer: RemoteError"'
"""The answer where the remote had to be asked, and is nowhere."""


def refused(answer: Answer) -> bool:
    """Whether an answer is a refusal that says nothing about the machine."""
    told = f"{answer.text} {answer.headers}"
    for secret_place in ("Traceback", str(ROOT), sys.prefix, "site-packages", "/tmp", ".py"):
        assert secret_place not in told, answer
    assert len(answer.text) < 5_000
    return 400 <= answer.status < 500 or (answer.status == 503 and AWAY in answer.text)


PATHS = [
    "/docs/../../../../etc/passwd",
    "/docs/prod/../../deploy.yaml",
    "/docs/prod/..%2f..%2fdeploy.yaml",
    "/docs/prod/%2e%2e/%2e%2e/deploy.yaml",
    "/docs/prod/..%5c..%5cdeploy.yaml",
    "/docs/prod/%2fetc%2fpasswd",
    "/docs/prod//etc/passwd",
    "/docs/prod/index.html%00.json",
    "/docs/%00",
    "/docs/%ff%fe",
    "/docs/prod/%ed%a0%80",
    "/docs/" + "x" * 100_000,
    "/hooks/..",
    "/hooks/%2e%2e%2f%2e%2e",
    "/hooks/shop%0d%0aX-Evil:%201",
    f"{V2}/../../../health/x",
    f"{V2}/runs/1%00",
    f"{V2}/runs/-1",
    f"{V2}/runs/1e9",
    f"{V2}/runs/{'9' * 1_000}",
    f"{V2}/runs/99999999999999999999999999",
    f"{V2}/runs/%D9%A1",
    f"{V2}/runs/1/../../jobs",
    f"{V2}/jobs/{'9' * 1_000}/run",
    "/api/v2/accounts/%00/runs/1",
    "/api/v2/accounts/7%2f/runs/1",
    "/api/v2/accounts//runs/1",
    "/api/v2//accounts/7/runs/1",
    "/api/../health/x",
    "//evil.example/api/v2/accounts/7/runs/1",
    f"{V2}/runs/1?{'x' * 100_000}",
    f"{V2}/runs/1?" + "&".join(f"limit={n}" for n in range(20_000)),
]


@pytest.mark.parametrize("path", PATHS, ids=lambda each: each[:50])
def test_paths_that_lead_nowhere(caller: Caller, path: str):
    for method in ("GET", "POST"):
        answer = sent(caller, method, path)
        assert answer is None or refused(answer)


LISTS = ("runs", "jobs", "projects", "environments", "repositories", "users")
QUERIES = [
    *("limit=-1", "limit=x", "limit=1e9", "offset=-1", f"offset={'9' * 400}", "limit=%00"),
    *("order_by=id;drop", "order_by=" + "id," * 3_000, "nothing=1", "created_at__gte=2026-01-01"),
    *("status=99999999999999999999", "status__in=" + "[" * 5_000, "status__in=[1,", "status=x"),
    *(
        "created_at__range=[",
        "created_at__range=[9999-99-99,0]",
        "finished_at__range=" + "0" * 999,
    ),
    *("id__gt=" + "9" * 4_000, "pk=-", "pk__in=" + "1," * 5_000, "project_id=%ff", "a=%ed%a0%80"),
    *(
        "name__icontains=%00",
        "environment_id=%D9%A1",
        "state=%27or%201=1",
    ),
    *("include_related=" + "[" * 9_000, "&" * 9_000, "=" * 9_000, "limit=1&limit=2&limit=x"),
]


@pytest.mark.parametrize("query", QUERIES, ids=lambda each: ascii(each[:40]))
def test_queries_that_ask_for_nothing(caller: Caller, query: str):
    """Some are no mistake for dbt Cloud, either: then the list is as it is, or empty."""
    for name in LISTS:
        answer = sent(caller, "GET", f"{V2}/{name}?{query}")
        assert answer is None or answer.status == 200 or refused(answer), name


BODIES = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"{",
    b"null",
    b"[]",
    b"1" * 10_000,
    b'{"cause": NaN}',
    b'{"cause": 1}',
    b'{"cause": "\\ud800"}',
    b'{"cause": "a\\u0000b", "threads_override": 1e400}',
    b'{"cause": "x", "threads_override": ' + b"9" * 100_000 + b"}",
    b'{"cause": "x", "__proto__": {}, "git_sha": {}}',
    b'{"cause": "x", "steps_override": "dbt build"}',
    b'{"cause": "x", "steps_override": [' + b'"dbt build",' * 10_000 + b'"dbt build"]}',
    b'{"cause": "x", "steps_override": ["rm -rf /"]}',
    b'{"cause": "x", "git_branch": "--upload-pack=touch x"}',
    b'{"cause": "x", "git_branch": "main\\u0000x"}',
    b'{"cause": "x", "git_sha": "../../etc"}',
    b'{"cause": "x", "target_name_override": ""}',
    b'{"cause": "x", "target_name_override": "../x"}',
    b'{"cause": "x", "steps_override": ["dbt build ' + b"x" * 100_000 + b'"]}',
    b'{"cause": "x", "schema_override": "a; drop schema b"}',
    DEEP.encode(),
    b'{"cause": ' + DEEP.encode() + b"}",
    b'{"a":' * 50_000,
    b"x" * (10 << 20),
]


POSTED = (
    *(f"{V2}/jobs/3/run", f"{V2}/jobs/3/rerun", f"{V2}/jobs", f"{V2}/jobs/3"),
    *(f"{V2}/runs/1/cancel", f"{V2}/runs/1/retry"),
    *(f"{V3}/projects/1/environment-variables", f"{V3}/projects/1/environment-variables/1"),
    *(f"{V3}/webhooks/subscriptions", f"{V2}/notifications", f"{V2}/notifications/1"),
)


@pytest.mark.parametrize("number", range(len(BODIES)), ids=lambda n: repr(BODIES[n][:40]))
def test_bodies_that_mean_nothing(caller: Caller, number: int):
    for kind in ("application/json", "application/x-www-form-urlencoded", "text/plain", "\xff"):
        for path in POSTED:
            answer = sent(caller, "POST", path, BODIES[number], Content_Type=kind)
            # A rerun needs no body, and without a Dagster it is not to be had.
            assert answer is None or refused(answer) or (path.endswith("rerun") and unable(answer))


def sent(
    caller: Caller, method: str, path: str, body: bytes | None = None, **headers: str
) -> Answer | None:
    """The answer to a request; None where the connection was ended while it was sent."""
    try:
        return caller.call(method, path, body, **headers)
    except (BrokenPipeError, ConnectionResetError):
        return None


def test_a_body_of_ten_megabytes_is_refused_before_it_is_read(caller: Caller):
    head = f"POST {V2}/jobs/3/run HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10485760\r\n\r\n"
    with opened(caller) as connection:
        connection.sendall(head.encode())
        assert b" 413 " in answered(connection).partition(b"\r\n")[0]


def test_a_body_in_pieces_is_refused_as_soon_as_it_is_too_large(caller: Caller):
    with opened(caller) as connection:
        head = f"POST {V2}/jobs/3/run HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        head += f"Authorization: Token {secret('admin')}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        sent = 0
        try:
            for _ in range(160):
                connection.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
        answer = answered(connection)
    assert b" 413 " in answer.partition(b"\r\n")[0] or (not answer and sent < 10 << 20)


@pytest.mark.parametrize(
    "head",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/99\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET\0/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
        b"POST /hooks/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /hooks/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /hooks/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
        b"Content-Length: 10\r\n\r\n123456789",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://evil.example/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    ],
    ids=lambda each: repr(each[:60]),
)
def test_heads_that_are_no_http(caller: Caller, head: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(punctual, "SECONDS", 0.2)
    with opened(caller) as connection:
        try:
            connection.sendall(head)
        except OSError:
            return
        answer = answered(connection)
    status = answer.partition(b"\r\n")[0]
    assert not answer or b" 4" in status[:13], answer
    assert b"Traceback" not in answer
    assert ROOT.as_posix().encode() not in answer


def test_slow_clients_are_ended_and_keep_nobody_else_waiting(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
):
    """A server of a few threads, or one that waits for ever, is full after some of them."""
    monkeypatch.setattr(punctual, "SECONDS", 0.5)
    monkeypatch.setattr(intake, "SECONDS", 0.5)
    silent = b""
    half_a_head = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-"
    no_body = (
        f"POST {V2}/jobs/3/run HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Token {secret('admin')}\r\nContent-Length: 100\r\n\r\n{{"
    ).encode()
    second = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea"
    texts = [each for each in (silent, half_a_head, no_body, second) for _ in range(25)]

    def drip(text: bytes) -> bytes:
        with opened(caller) as connection:
            connection.sendall(text)
            return until_closed(connection, drip=b"x" if text else b"")

    with ThreadPoolExecutor(len(texts)) as threads:
        answers = threads.map(drip, texts)
        assert Caller(caller.address).call("GET", "/health").status == 200
        ends = [each.partition(b"\r\n")[0] for each in answers]
    assert {*ends[:50]} == {b""}
    assert all(each == b"" or b" 408 " in each for each in ends[50:75])
    assert all(b" 200 " in each for each in ends[75:])


def opened(caller: Caller) -> socket.socket:
    place = urlsplit(caller.address)
    assert place.hostname is not None
    return socket.create_connection((place.hostname, place.port or 80), timeout=PATIENCE)


def answered(connection: socket.socket) -> bytes:
    """All that the other side sends until it ends the connection, or has answered."""
    return until_closed(connection, is_enough=lambda found: b"\r\n\r\n" in found)


def until_closed(
    connection: socket.socket,
    *,
    drip: bytes = b"",
    is_enough: Callable[[bytes], bool] = lambda _: False,
) -> bytes:
    """All that the other side sends until it ends the connection; meanwhile, a byte at a time."""
    found = b""
    connection.settimeout(0.1)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            part = connection.recv(1 << 16)
        except TimeoutError:
            if is_enough(found):
                return found
            try:
                connection.sendall(drip)
            except OSError:
                return found
            continue
        except OSError:
            return found
        if not part:
            return found
        found += part
    raise AssertionError("the connection was not ended")


def test_the_front_is_as_well_as_before(caller: Caller):
    """What was sent above has broken nothing, and was no JSON that anybody took."""
    answer = Caller(caller.address).call("GET", "/health")
    assert (answer.status, answer.json) == (200, {"alive": True})
    assert json.loads(caller.call("GET", f"{V2}/runs/1").text)["status"]["code"] == 404
