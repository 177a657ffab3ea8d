import pytest

from deploy_project.errors import ConfigError
from deploy_project.git.mirror import full_commit


def test_a_commit_is_a_full_one():
    assert full_commit("ABCDEF0123" * 4) == "abcdef0123" * 4
    with pytest.raises(ConfigError, match="'abcdef' is not a full commit id"):
        full_commit("abcdef")
