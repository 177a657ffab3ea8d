"""A real server that speaks S3, in a process of its own; what it holds goes with it."""

import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # pyright: ignore[reportMissingTypeStubs]
import fsspec  # pyright: ignore[reportMissingTypeStubs]
import pytest
import requests

from tests.support.waiting import PATIENCE, wait

BUCKET = "artifacts"
KEY, SECRET = "AKIAEXAMPLE000000000", "s3cr3t/of+the=store0123456789abcdefghij0"
_REQUEST = re.compile(rb'"(PUT|POST) /%b/(\S+) HTTP' % BUCKET.encode())


@dataclass(frozen=True)
class Store:
    """A running server with one bucket."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def variables(self) -> dict[str, str]:
        """The standard variables by which drivers find it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "2",  # the store that is away is told of at once
        }

    @property
    def client(self) -> Any:
        """Another program that uses the store."""
        return boto3.client(  # pyright: ignore[reportUnknownMemberType]
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )

    def keys(self, prefix: str = "") -> list[str]:
        """What is in the bucket."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def written(self) -> list[str]:
        """The keys that were written, in order of the requests' ends."""
        return [found[2].decode() for found in _REQUEST.finditer(self.log.read_bytes())]


@contextmanager
def running(directory: Path) -> Generator[Store]:
    """Start a server, make the bucket, and end the server afterwards."""
    log = directory / "s3.log"
    command = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0")
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=stream, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
    try:
        store = Store(process, _port(process, log), log)
        store.client.create_bucket(Bucket=BUCKET)
        yield store
    finally:
        process.kill()
        process.wait()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    def running() -> re.Match[bytes] | None:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        return re.search(rb"Running on http://127\.0\.0\.1:(\d+)", log.read_bytes())

    found = wait(running, otherwise=log.read_text)
    assert found is not None
    requests.get(f"http://127.0.0.1:{int(found[1])}/moto-api/", timeout=PATIENCE)
    return int(found[1])


@contextmanager
def addressed(store: Store) -> Generator[None]:
    """Have drivers in this process find `store`, and no other one that they have met.

    They keep their connections by the options that they were given; the variables are none.
    """
    drivers: Any = fsspec.get_filesystem_class("s3")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in store.variables.items():
            patch.setenv(name, value)
        drivers.clear_instance_cache()
        try:
            yield
        finally:
            drivers.clear_instance_cache()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Generator[Store]:
    """A server that drivers in this process find."""
    with running(tmp_path_factory.mktemp("s3")) as store, addressed(store):
        yield store
