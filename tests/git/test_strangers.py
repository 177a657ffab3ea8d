"""Git logs in for what trusted code names, and never for what only a pull request names."""

from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Project
from deploy_project.errors import GitError
from deploy_project.git.checkouts import ensure_checkout
from deploy_project.releases.packages.mirrors import mirrored
from tests.support.deployments.git_repositories import Repository, create, project
from tests.support.servers.git_server import GitServer, serve

REFUSED = r"could not read (Username|Password)|Authentication failed"
TOKEN = "t0ken-of-the-project"


def with_submodules(remote: Repository, *urls: str) -> str:
    """Return a commit with a submodule for each of `urls`, which are addresses of `remote`."""
    commit = remote.git("rev-parse", "HEAD")
    entries = "".join(
        f'[submodule "{number}"]\n path = sub/{number}\n url = {url}\n'
        for number, url in enumerate(urls)
    )
    remote.commit({".gitmodules": entries})
    for number, _ in enumerate(urls):
        remote.git("update-index", "--add", "--cacheinfo", f"160000,{commit},sub/{number}")
    return remote.commit({})


def test_a_submodule_that_the_trusted_commit_names_is_fetched_with_the_token(
    remote: Repository, state: StateDirectory, shop: Project
):
    trusted = with_submodules(remote, "../../remote/.git")
    strange = remote.commit({"models/new.sql": "select 1"})
    checkout = ensure_checkout(shop, state, strange, trusted=trusted)
    assert (checkout.tree / "sub" / "0" / "dbt_project.yml").is_file()


@pytest.mark.parametrize("trusts_one", [True, False])
def test_a_new_submodule_is_asked_without_a_login(
    remote: Repository, state: StateDirectory, server: GitServer, shop: Project, trusts_one: bool
):
    """A pull request read any repository that our token may read."""
    private = create(remote.path.parent / "private")
    private.commit({"secret": "of somebody else"})
    known = ["../../remote/.git"] if trusts_one else []
    trusted = with_submodules(remote, *known) if known else remote.git("rev-parse", "HEAD")
    strange = with_submodules(remote, *known, "../../private/.git")
    with pytest.raises(GitError, match=REFUSED):
        ensure_checkout(shop, state, strange, trusted=trusted)
    assert not state.checkout(shop.name, strange).tree.exists()


def test_a_new_submodule_that_is_public_is_there(
    remote: Repository, state: StateDirectory, monkeypatch: pytest.MonkeyPatch
):
    trusted = remote.git("rev-parse", "HEAD")
    strange = with_submodules(remote, remote.path.as_uri())
    checkout = ensure_checkout(project(remote), state, strange, trusted=trusted)
    assert (checkout.tree / "sub" / "0" / "dbt_project.yml").is_file()


def test_the_users_own_logins_are_not_lent(
    remote: Repository,
    state: StateDirectory,
    server: GitServer,
    shop: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    home = tmp_path / "user"
    home.mkdir()
    (home / ".netrc").write_text(
        f"machine 127.0.0.1 login {server.username} password {TOKEN}\n", encoding="utf-8"
    )
    (home / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(home))
    trusted = remote.git("rev-parse", "HEAD")
    with serve(remote.path.parent, TOKEN) as other:
        strange = with_submodules(remote, other.url("remote/.git"))
        with pytest.raises(GitError, match=REFUSED):
            ensure_checkout(shop, state, strange, trusted=trusted)
        assert other.authorizations == []


def test_a_mirror_of_packages_follows_its_remote(remote: Repository, tmp_path: Path):
    first = mirrored(remote.path.as_uri(), tmp_path / "mirrors")
    remote.git("branch", "-m", "trunk")
    commit = remote.commit({"more": "x"})
    second = mirrored(remote.path.as_uri(), tmp_path / "mirrors")
    assert first == second
    assert (second / "HEAD").read_text(encoding="utf-8") == "ref: refs/heads/trunk\n"
    assert (second / "refs" / "heads" / "trunk").read_text(encoding="utf-8").strip() == commit


def test_a_password_in_an_address_is_kept_nowhere(
    remote: Repository, server: GitServer, tmp_path: Path
):
    url = server.url("remote/.git").replace("//", f"//{server.username}:{TOKEN}@")
    place = mirrored(url, tmp_path / "mirrors")
    assert server.expected in server.authorizations
    kept = [each.read_bytes() for each in place.rglob("*") if each.is_file()]
    assert not any(TOKEN.encode() in each for each in kept)
