from pathlib import Path

import pytest

from tests.support.deployments.configuration_files import Configuration


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return Configuration(tmp_path)
