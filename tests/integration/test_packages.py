"""`dbt deps`: packages from the commit, the lock file, and what a broken packages.yml stops."""

from dataclasses import dataclass

import pytest

from tests.integration.conftest import PROJECT, Result, Site, make_site

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
    "packages.yml": "packages:\n  - local: packages/current\n",
    "models/orders.sql": "select {{ helper.word() }} as word, 10 as amount",
}
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
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    site = make_site(tmp_path_factory.mktemp("packages"), FILES)
    site.configure(jobs=JOBS)
    words: list[str] = []

    def build() -> None:
        run = site.run("prod__nightly")
        assert run.success
        words.append(site.query("select word from orders")[0][0])

    build()
    checkout = site.state.checkout("tiny", site.git("rev-parse", "HEAD"))
    lock = (checkout.tree / "package-lock.yml").read_text(encoding="utf-8")
    site.push({"package-lock.yml": lock.replace("packages/current", "packages/locked")})
    build()
    site.push({"packages.yml": "packages:\n  - local: packages/gone\n", "package-lock.yml": None})
    warehouse = site.state.root / "warehouse.duckdb"
    before = warehouse.read_bytes()
    broken = site.run("prod__nightly")
    return Story(site, words, broken, touched=warehouse.read_bytes() != before)


def test_packages_are_those_of_the_commit_and_its_lock_file(story: Story):
    assert story.words == ["current", "locked"]


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
