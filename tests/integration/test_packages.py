"""`dbt deps`: packages from the commit, the lock file, and what a broken packages.yml stops."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.deployments.site import PROJECT, Result, Site, make_site

pytestmark = pytest.mark.slow


def package(directory: str, word: str) -> dict[str, str]:
    return {
        f"{directory}/dbt_project.yml": 'name: helper\nversion: "1.0"\n',
        f"{directory}/macros/word.sql": f"{{% macro word() %}}'{word}'{{% endmacro %}}",
    }


FILES = {
    **PROJECT,
    **package("packages/current", "current"),
    **package("packages/locked", "locked"),
    "packages.yml": """
        packages:
          - local: packages/current
          - git: >-
              file://{{ env_var('DEPLOY_STATE') }}/../{{ env_var('DBT_ENV_SECRET_KEY') }}/remote.git
            revision: main
    """,
    "models/orders.sql": "select {{ helper.word() }} as word, 10 as amount",
}
DEPLOY = """
    projects:
      tiny: {repository: REMOTE, variables: {DBT_ENV_SECRET_KEY: {env: PACKAGES_TOKEN}}}
    environments:
      prod: {type: production, branch: main, target: prod}
"""
JOBS = """
    jobs:
      nightly:
        environment: prod
        execute_steps: [dbt run]
"""


@dataclass(frozen=True)
class Story:
    """Words that the package has put into the table; then a run without its package."""

    site: Site
    words: list[str]
    broken: Result
    touched: bool


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    site = make_site(tmp_path_factory.mktemp("packages"), FILES)
    site.configure(jobs=JOBS, deploy=DEPLOY)
    private = site.root / "t0kenplace"
    private.mkdir()
    make_site(private, {"dbt_project.yml": 'name: private\nversion: "1.0"\n'})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PACKAGES_TOKEN", private.name)
        yield tell(site)


def tell(site: Site) -> Story:
    words: list[str] = []

    def build() -> None:
        run = site.run("prod__nightly")
        assert run.success
        words.append(site.query("select word from orders")[0][0])

    build()
    checkout = site.state.checkout("tiny", site.git("rev-parse", "HEAD"))
    kept = next(checkout.packages("").glob("*/package-lock.yml"))
    assert not (checkout.tree / kept.name).exists(), "nobody writes into the commit's checkout"
    lock = kept.read_text(encoding="utf-8")
    site.push({"package-lock.yml": lock.replace("packages/current", "packages/locked")})
    build()
    site.push({"packages.yml": "packages:\n  - local: packages/gone\n", "package-lock.yml": None})
    warehouse = site.state.root / "warehouse.duckdb"
    before = warehouse.read_bytes()
    broken = site.run("prod__nightly")
    return Story(site, words, broken, touched=warehouse.read_bytes() != before)


def test_packages_are_those_of_the_commit_and_its_lock_file(story: Story):
    assert story.words == ["current", "locked"]


def test_the_url_of_a_private_package_is_kept_nowhere(story: Story):
    """Git kept the URL, and the token in it, in the files of the package."""
    files = [file for file in story.site.state.root.rglob("*") if file.is_file()]
    assert any("installed/private/dbt_project.yml" in str(file) for file in files)
    assert [str(file) for file in files if b"t0kenplace" in file.read_bytes()] == []


def test_a_broken_package_fails_the_run_before_anything_touches_the_warehouse(story: Story):
    assert not story.broken.success
    assert list(story.site.steps(story.broken.run_id)) == [
        *("01-clone-git-repository", "02-create-profile", "03-dbt-deps")
    ]
    record = story.site.record(story.broken.run_id)
    assert record["status"] == "Error"
    assert record["message"].startswith("`dbt deps` failed (exit ")
    assert "packages/gone" in record["message"]
    assert not story.touched


def test_a_broken_commit_is_not_deployed(story: Story):
    pointer = story.site.state.deployed("prod").read_text(encoding="utf-8")
    assert not pointer.startswith(story.site.git("rev-parse", "HEAD"))
