from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.example.remote import make_remote
from deploy_project.git.command import git
from tests.example.shop import Checkout, ShopCommit


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path / "state")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    remote = make_remote(StateDirectory(tmp_path_factory.mktemp("remote")))

    def at(commit: str) -> ShopCommit:
        shop = ShopCommit(
            tree=tmp_path_factory.mktemp("tree"), state=tmp_path_factory.mktemp("state")
        )
        git(f"--git-dir={remote}", "--work-tree=.", "checkout", commit, "--", ".", cwd=shop.tree)
        return shop

    return at
