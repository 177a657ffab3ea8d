"""The token reaches its own host, and is seen nowhere else."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Project, Secret
from deploy_project.errors import ConfigError, GitError
from deploy_project.git.checkouts import ensure_checkout
from deploy_project.git.credentials import environment
from deploy_project.git.remote import heads
from tests.support.deployments.git_repositories import Repository, project
from tests.support.servers.git_server import GitServer, serve

TOKEN = "s3cret'$(touch executed) %s\\ü"


@contextmanager
def command_lines() -> Generator[set[bytes], None, None]:
    """Collect the arguments of all processes of this machine while the block runs."""
    seen: set[bytes] = set()
    done = threading.Event()

    def sample() -> None:
        while not done.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes())
                except OSError:
                    continue

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def test_the_token_arrives_and_stays_out_of_arguments_and_files(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    remote: Repository,
    state: StateDirectory,
    server: GitServer,
    shop: Project,
):
    monkeypatch.chdir(tmp_path)
    commit = remote.commit({"a": "1"})
    with command_lines() as seen:
        assert heads(shop, ["HEAD"]) == {"HEAD": commit}
        checkout = ensure_checkout(shop, state, commit)
    assert (checkout.tree / "a").read_text() == "1"
    assert server.expected in server.authorizations
    assert any(b"remote-http" in line for line in seen)
    assert not [line for line in seen if TOKEN.encode() in line]
    written = [path for path in state.root.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if TOKEN.encode() in path.read_bytes()]
    assert not list(tmp_path.rglob("executed"))


def test_the_user_s_helpers_are_neither_asked_nor_told(
    tmp_path: Path, user_config: Path, server: GitServer, shop: Project
):
    user_config.write_text(f"[credential]\n helper = !touch {tmp_path}/asked; cat >&2 #\n")
    assert heads(shop, ["HEAD"])
    assert not (tmp_path / "asked").exists()


def test_without_a_token_the_user_s_helpers_are_asked(
    user_config: Path, server: GitServer, shop: Project
):
    store = user_config.with_name("helper")
    store.write_text(f"#!/bin/sh\ncat <<'END'\nusername=x-access-token\npassword={TOKEN}\nEND\n")
    store.chmod(0o755)
    user_config.write_text(f"[credential]\n helper = {store}\n")
    assert heads(replace(shop, token=None), ["HEAD"])


def test_a_wrong_token_is_an_error_without_it(
    monkeypatch: pytest.MonkeyPatch, server: GitServer, shop: Project
):
    monkeypatch.setenv("SHOP_TOKEN", "wr0ng")
    with pytest.raises(GitError) as raised:
        heads(shop, ["HEAD"])
    assert "Authentication failed for 'http://127.0.0.1" in str(raised.value)
    assert "environment variable 'SHOP_TOKEN'; check" in str(raised.value)
    assert "wr0ng" not in str(raised.value)


def test_a_missing_token_is_asked_for(server: GitServer, shop: Project):
    with pytest.raises(GitError, match="could not read Username") as raised:
        heads(replace(shop, token=None), ["HEAD"])
    assert "set `token:` of project 'shop'" in str(raised.value)


def test_a_password_in_the_url_is_in_no_error(server: GitServer):
    url = server.url("remote/.git").replace("//", "//ana:pa55@")
    with pytest.raises(GitError, match="Authentication failed") as raised:
        heads(project(url), ["HEAD"])
    assert "pa55" not in str(raised.value)


def test_a_submodule_on_another_host_never_sees_the_token(
    remote: Repository, state: StateDirectory, server: GitServer, shop: Project
):
    """Whoever may write .gitmodules could have had the token sent to a host of theirs."""
    commit = remote.git("rev-parse", "HEAD")
    with serve(remote.path.parent, "other") as thief:
        remote.commit(
            {".gitmodules": f'[submodule "x"]\n path = x\n url = {thief.url("remote/.git")}\n'}
        )
        remote.git("update-index", "--add", "--cacheinfo", f"160000,{commit},x")
        with pytest.raises(GitError, match="could not read Username"):
            ensure_checkout(shop, state, remote.commit({}))
        assert thief.authorizations == []
    assert server.expected in server.authorizations


def test_a_submodule_on_the_same_host_is_fetched_with_the_token(
    remote: Repository, state: StateDirectory, server: GitServer, shop: Project
):
    commit = remote.git("rev-parse", "HEAD")
    remote.commit({".gitmodules": '[submodule "x"]\n path = x\n url = ../../remote/.git\n'})
    remote.git("update-index", "--add", "--cacheinfo", f"160000,{commit},x")
    checkout = ensure_checkout(shop, state, remote.commit({}))
    assert (checkout.tree / "x" / "dbt_project.yml").is_file()


@pytest.mark.parametrize("url", ["/srv/shop.git", "git@host:shop.git", "ssh://git@host/shop.git"])
def test_a_token_is_for_http_only(monkeypatch: pytest.MonkeyPatch, url: str):
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    assert environment(replace(project(url), token=Secret(env="SHOP_TOKEN"))) == {}


def test_configuration_in_the_user_s_variables_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    of = replace(project("https://a:b@host:8443/x"), token=Secret(env="SHOP_TOKEN"))
    variables = environment(of)
    assert variables["GIT_CONFIG_COUNT"] == "3"
    assert variables["GIT_CONFIG_KEY_1"] == "credential.https://host:8443.helper"
    assert variables["GIT_CONFIG_VALUE_1"] == ""
    assert "GIT_CONFIG_KEY_0" not in variables


def test_a_token_of_two_lines_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SHOP_TOKEN", "abc\nhost=evil")
    with pytest.raises(ConfigError, match=r"token of project 'shop': .*line break") as raised:
        environment(replace(project("https://host/x"), token=Secret(env="SHOP_TOKEN")))
    assert "abc" not in str(raised.value)
