import os
from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.dbt.processes.installation import installation
from tests.integration.daily import DailyRun, run_daily
from tests.support.deployments.site import Site, make_site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A deployment whose remote holds `PROJECT`; a test writes its own jobs with `configure`."""
    return make_site(tmp_path)


@pytest.fixture(scope="session")
def older_dbt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of isolated dbts with 1.10 in it, to be linked to as a site's own.

    All workers share it, for the product installs a dbt once.
    """
    has_others = "PYTEST_XDIST_WORKER" in os.environ
    root = tmp_path_factory.getbasetemp()
    state = StateDirectory((root.parent if has_others else root) / "older")
    installation("1.10.*", "duckdb", state)
    return state.dbt("any").parent


@pytest.fixture(scope="session")
def daily(tmp_path_factory: pytest.TempPathFactory) -> DailyRun:
    """One run of a job with everything."""
    return run_daily(tmp_path_factory.mktemp("daily"))
