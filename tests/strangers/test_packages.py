"""Packages of a pull request: git logs in for those of the deployed commit, for no others."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.deployments.git_repositories import create
from tests.support.deployments.site import PROJECT, Result, Site, make_site
from tests.support.servers.git_server import GitServer, serve

pytestmark = pytest.mark.slow

TOKEN = "t0ken-of-the-user"
JOBS = """
    jobs:
      nightly: {environment: prod, execute_steps: [dbt build]}
      checks: {id: 23, environment: prod, job_type: ci, execute_steps: [dbt build]}
"""
DEPLOY = """
    projects:
      tiny: {repository: REMOTE, pull_requests: {refs: pr/*, without_state: build_all}}
    environments:
      prod: {type: production, branch: main, target: prod}
"""


@dataclass(frozen=True)
class Shop:
    """A deployment with a private package, whose user's login is in a file of the home."""

    site: Site
    server: GitServer

    def packages(self, *names: str) -> str:
        entries = "".join(
            f"\n  - {{git: '{self.server.url(name)}/.git', revision: main, warn-unpinned: false}}"
            for name in names
        )
        return f"packages:{entries}\n"

    def pull_request(
        self,
        number: int,
        *packages: str,
        sql: str = "select {{ util.word() }} as word, 10 as amount",
    ):
        files = {"packages.yml": self.packages(*packages), "models/orders.sql": sql}
        head = self.site.push(files, ref=f"pr/{number}")
        self.site.git("reset", "--quiet", "--hard", "origin/main")
        tags = {"deploy/pull_request": str(number), "deploy/commit": head}
        return self.site.run("prod__checks", tags)

    def said(self, run: Result) -> str:
        return self.site.console(run.run_id, "03-dbt-deps")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Generator[Shop]:
    directory = tmp_path_factory.mktemp("packages")
    for name, word in (("util", "known"), ("private", "private")):
        made = create(directory / "git" / name)
        macro = f"{{% macro word() %}}'{word}'{{% endmacro %}}"
        made.commit({"dbt_project.yml": f"name: {name}\n", "macros/word.sql": macro})
    home = directory / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as patch, serve(directory / "git", TOKEN) as server:
        login = f"machine 127.0.0.1 login {server.username} password {TOKEN}\n"
        (home / ".netrc").write_text(login, encoding="utf-8")
        (home / ".netrc").chmod(0o600)
        patch.setenv("HOME", str(home))
        patch.setenv("GIT_ALLOW_PROTOCOL", "file:http")
        (directory / "site").mkdir()
        site = make_site(directory / "site", PROJECT)
        site.configure(jobs=JOBS, deploy=DEPLOY)
        made = Shop(site, server)
        site.push({"packages.yml": made.packages("util")})
        assert site.run("prod__nightly").success
        yield made


def test_a_package_of_the_deployed_commit_is_there_without_a_login(shop: Shop):
    found = shop.pull_request(1, "util")
    assert found.success, shop.said(found)
    assert TOKEN not in shop.said(found)


def test_a_new_private_package_is_asked_without_a_login(shop: Shop):
    """A pull request could read every repository that the user of Dagster may read."""
    before = len(shop.server.authorizations)
    found = shop.pull_request(2, "util", "private")
    assert not found.success
    assert "could not read Username" in shop.said(found)
    assert shop.server.authorizations[before:].count(shop.server.expected) > 0, "for the known one"
    kept = [each for each in shop.site.state.root.rglob("word.sql") if each.is_file()]
    assert not any("'private'" in each.read_text(encoding="utf-8") for each in kept)


def test_an_address_that_begins_like_a_known_one_is_another(shop: Shop):
    found = shop.pull_request(3, "util", "util/../private")
    assert not found.success


def test_the_login_is_nowhere_in_what_is_kept(shop: Shop):
    for each in shop.site.state.root.rglob("*"):
        if each.is_file() and not each.is_symlink():
            assert TOKEN.encode() not in each.read_bytes(), each


def test_the_home_of_the_user_is_closed(shop: Shop):
    home = Path(shop.site.root.parent / "home")
    sql = f"select * from read_text('{home}/.netrc')"
    found = shop.pull_request(4, "util", sql="{{ config(materialized='table') }} " + sql)
    assert not found.success
    message = str(shop.site.record(found.run_id)["message"])
    assert "Permission denied" in message
    assert "The sandbox of pull requests refuses" in message
