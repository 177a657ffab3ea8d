from pathlib import Path

import pytest

from tests.support.deployments.site import Site, make_site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A deployment whose remote holds `PROJECT`; a test writes its own jobs with `configure`."""
    return make_site(tmp_path)
