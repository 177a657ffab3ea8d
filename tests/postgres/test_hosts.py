"""Two hosts serve one deployment: any of them runs any job at any commit, defers and publishes."""

from collections.abc import Generator

import pytest

from tests.postgres import fleet as fleets
from tests.postgres.fleet import Fleet
from tests.postgres.server import Server
from tests.stores.s3 import Store, store

__all__ = ["store"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fleet(
    server: Server, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Fleet]:
    with fleets.running(tmp_path_factory.mktemp("fleet"), server, store) as running:
        yield running


def test_first(fleet: Fleet):
    fleet.deploy()
    run = fleet.run(fleet.b, "prod__daily")
    assert fleet.status(run) == "SUCCESS", fleet.output(run)
