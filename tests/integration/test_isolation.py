"""What one commit, job, environment or pull request does reaches no other."""

import hashlib
import os
import subprocess
import textwrap
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from deploy_project.releases import prepare
from tests.integration.package_hub import package_hub
from tests.support.deployments.site import PROJECT, Result, Site, make_site

pytestmark = pytest.mark.slow

MODELS = {
    **PROJECT,
    "models/orders.sql": "{{ config(materialized='table') }} select 'production' as word",
    "models/revenue.sql": "select word from {{ ref('orders') }}",
}
JOBS = """
    jobs:
      nightly: {environment: prod, execute_steps: [dbt build]}
      checks: {id: 23, environment: prod, job_type: ci, execute_steps: [dbt build]}
"""
CI = """
    projects:
      tiny: {repository: REMOTE, pull_requests: {refs: pr/*, without_state: build_all}}
    environments:
      prod: {type: production, branch: main, target: prod}
"""


def project(line: str) -> str:
    """Return a dbt_project.yml with one line more."""
    return f"{textwrap.dedent(PROJECT['dbt_project.yml']).strip()}\n{line}\n"


def package(directory: Path, files: Mapping[str, str]) -> str:
    """Return the URL of a new git repository with `files`."""
    directory.mkdir(parents=True)
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    commit(directory)
    return directory.as_uri()


def commit(directory: Path, tag: str = "") -> None:
    user = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    words = [["init", "-q", "-b", "main"], ["add", "-A"], [*user, "commit", "-qm", "x"]]
    for each in [*words, *([["tag", tag]] if tag else [])]:
        subprocess.run(["git", *each], cwd=directory, check=True)


def word_package(directory: Path) -> str:
    """Return the URL of a package whose macro `word` tells its tag: v1, or v2."""
    macro = "{% macro word() %}'v1'{% endmacro %}"
    url = package(directory, {"dbt_project.yml": "name: util", "macros/word.sql": macro})
    subprocess.run(["git", "tag", "v1"], cwd=directory, check=True)
    (directory / "macros" / "word.sql").write_text(macro.replace("v1", "v2"), encoding="utf-8")
    commit(directory, "v2")
    return url


def contents(directory: Path) -> dict[str, str]:
    """Return a digest of each file below `directory`, and where each link leads."""
    found: dict[str, str] = {}
    for each in sorted(directory.rglob("*")):
        name = str(each.relative_to(directory))
        if each.is_symlink():
            found[name] = os.readlink(each)
        elif each.is_file():
            found[name] = hashlib.sha256(each.read_bytes()).hexdigest()
    return found


def trees(site: Site) -> dict[str, str]:
    """Return what all checkouts hold of their commits."""
    return {
        name: digest
        for name, digest in contents(site.state.checkouts("tiny")).items()
        if name.split("/")[1] == "tree"
    }


def pull_request(site: Site, number: int, files: Mapping[str, str | None]) -> Result:
    """Run the CI job on a pull request that changes `files`; main stays where it is."""
    head = site.push(files, ref=f"pr/{number}")
    site.git("reset", "--quiet", "--hard", "origin/main")
    tags = {"deploy/pull_request": str(number), "deploy/commit": head}
    return site.run("prod__checks", tags)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A deployment that production was built with once, and whose pull requests are built."""
    site = make_site(tmp_path_factory.mktemp("attacked"), MODELS)
    site.configure(jobs=JOBS, deploy=CI)
    assert site.run("prod__nightly").success
    return site


def test_no_pull_request_writes_where_production_reads(attacked: Site, tmp_path: Path):
    """Two lines of YAML made production build a pull request's models, with a green check."""
    site = attacked
    main = site.git("rev-parse", "HEAD")
    models = site.state.checkout("tiny", main).tree / "models"
    evil = package(
        tmp_path / "evil",
        {"dbt_project.yml": "name: evil", "orders.sql": "select 'pull request' as word"},
    )
    before = trees(site)
    for number, path in enumerate(
        (f"../../{main}/tree/models", str(models), f"{{{{ '../../{main}' }}}}/tree/models"), 1
    ):
        found = pull_request(
            site,
            number,
            {
                "dbt_project.yml": project(f'packages-install-path: "{path}"'),
                "packages.yml": f"packages: [{{git: '{evil}', revision: main}}]",
            },
        )
        assert not found.success
        message = site.record(found.run_id)["message"]
        assert "dbt_project.yml: packages-install-path: found " in message
        assert "leads out of the repository" in message
    assert {name: digest for name, digest in trees(site).items() if name in before} == before
    assert site.run("prod__nightly").success
    assert site.query("select word from main.revenue") == [("production",)]


def test_no_pull_request_deletes_what_is_not_its_own(attacked: Site, tmp_path: Path):
    """`packages-install-path` deleted any directory that Dagster's user may write."""
    victim = tmp_path / "victim"
    (victim / "deep").mkdir(parents=True)
    (victim / "deep" / "file").write_text("precious", encoding="utf-8")
    local = {"p/dbt_project.yml": "name: p", "packages.yml": "packages: [{local: p}]"}
    for number, key in enumerate(("packages-install-path", "clean-targets"), 11):
        value = victim if key == "packages-install-path" else f"[{victim}]"
        changed = {"dbt_project.yml": project(f"{key}: {value}"), **local}
        found = pull_request(attacked, number, changed)
        assert not found.success
        assert f"dbt_project.yml: {key}: found " in attacked.record(found.run_id)["message"]
    link = attacked.working_copy / "dbt_packages"
    link.symlink_to(victim)
    found = pull_request(attacked, 13, local)
    assert not found.success
    assert (victim / "deep" / "file").read_text(encoding="utf-8") == "precious"


def test_links_of_a_pull_request_are_not_read(attacked: Site, tmp_path: Path):
    secret = tmp_path / "secret.csv"
    secret.write_text("word\nt0psecret\n", encoding="utf-8")
    (attacked.working_copy / "seeds").mkdir()
    (attacked.working_copy / "seeds" / "stolen.csv").symlink_to(secret)
    found = pull_request(attacked, 21, {})
    assert not found.success
    message = attacked.record(found.run_id)["message"]
    assert "seed-paths: found the link 'seeds/stolen.csv'" in message
    told = [f.read_text(errors="replace") for f in attacked.directory(found.run_id).rglob("*.log")]
    assert "t0psecret" not in "".join(told)


def test_a_target_directory_of_the_repository_is_not_used(attacked: Site):
    """What was committed in `target` was taken for what the steps before have left."""
    found = pull_request(attacked, 31, {"target/manifest.json": "{}", "target/sources.json": "{}"})
    assert found.success
    step = attacked.directory(found.run_id, "04-dbt-build") / "target"
    assert not (step / "sources.json").exists()


def test_a_command_changes_the_files_of_its_own_run_alone(tmp_path: Path):
    """A job's own `dbt deps` or `dbt clean` changed what every other run of the commit reads."""
    site = make_site(tmp_path, MODELS)
    url = word_package(tmp_path / "util")
    site.configure(
        jobs="""
            jobs:
              nightly: {environment: prod, execute_steps: [dbt build]}
              upgraded:
                environment: prod
                execute_steps: ["dbt deps --upgrade", dbt build]
              added:
                environment: prod
                execute_steps: ["dbt deps --add-package p --source local", "dbt parse"]
              tidied:
                environment: prod
                execute_steps: ["dbt clean", "dbt clean --no-clean-project-files-only"]
        """
    )
    site.push(
        {
            "dbt_project.yml": project("clean-targets: [target, dbt_packages, p]"),
            "packages.yml": f"packages: [{{git: '{url}', revision: main, warn-unpinned: false}}]",
            "p/dbt_project.yml": "name: p",
            "seeds/s.csv": "id\n1\n",
            "models/orders.sql": "{{ config(materialized='table') }} select {{ util.word() }} as w",
            "models/revenue.sql": "select w from {{ ref('orders') }} cross join {{ ref('s') }}",
        }
    )

    def built(job: str) -> str:
        assert site.run(f"prod__{job}").success
        return site.query("select w from main.revenue")[0][0]

    assert built("nightly") == "v2"
    before = trees(site)
    macro = tmp_path / "util" / "macros" / "word.sql"
    macro.write_text("{% macro word() %}'v3'{% endmacro %}", encoding="utf-8")
    commit(tmp_path / "util")
    assert built("upgraded") == "v3", "it changes its own run"
    for job in ("added", "tidied"):
        assert site.run(f"prod__{job}").success
    assert built("nightly") == "v2"
    assert trees(site) == before


def test_packages_belong_to_the_values_that_they_ask_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Two environments that deployed one commit had the packages of the first one."""
    monkeypatch.setenv("OF_STAGING", "v2")
    site = make_site(tmp_path, MODELS)
    url, asked = word_package(tmp_path / "util"), "{{ env_var('DBT_UTIL') }}"
    site.configure(
        deploy="""
            projects:
              tiny: {repository: REMOTE}
            environments:
              prod: {type: production, branch: main, schema: p, variables: {DBT_UTIL: v1}}
              staging:
                {type: staging, branch: main, schema: s, variables: {DBT_UTIL: {env: OF_STAGING}}}
        """,
        jobs="""
            jobs:
              nightly: {environment: prod, execute_steps: [dbt build]}
              later: {environment: staging, execute_steps: [dbt build]}
        """,
    )
    site.push(
        {
            "packages.yml": f"packages: [{{git: '{url}', revision: \"{asked}\"}}]",
            "models/orders.sql": "{{ config(materialized='table') }} select {{ util.word() }} as w",
            "models/revenue.sql": "select 1 as n",
        }
    )
    for job in ("prod__nightly", "staging__later", "prod__nightly"):
        assert site.run(job).success
    assert site.query("select p.w, s.w from p.orders p, s.orders s") == [("v1", "v2")]
    monkeypatch.setenv("OF_STAGING", "v1")  # a value that is kept elsewhere counts, not its place
    assert site.run("staging__later").success
    assert site.query("select w from s.orders") == [("v1",)]


def test_packages_belong_to_the_hub_that_they_come_from(tmp_path: Path):
    """Two environments with hubs of their own had the packages of the first one."""
    site = make_site(tmp_path, MODELS)
    with package_hub("'a'") as one, package_hub("'b'") as other:
        site.configure(
            deploy=f"""
                projects:
                  tiny: {{repository: REMOTE}}
                environments:
                  prod: {{branch: main, schema: p, variables: {{DBT_PACKAGE_HUB_URL: {one}}}}}
                  staging: {{branch: main, schema: s, variables: {{DBT_PACKAGE_HUB_URL: {other}}}}}
            """,
            jobs="""
                jobs:
                  nightly: {environment: prod, execute_steps: [dbt build]}
                  later: {environment: staging, execute_steps: [dbt build]}
            """,
        )
        site.push(
            {
                "packages.yml": "packages: [{package: acme/pk, version: 1.0.0}]",
                "models/orders.sql": "{{ config(materialized='table') }} select {{ pk.word() }} w",
                "models/revenue.sql": "select 1 as n",
            }
        )
        for job in ("prod__nightly", "staging__later", "prod__nightly"):
            assert site.run(job).success
    assert site.query("select p.w, s.w from p.orders p, s.orders s") == [("a", "b")]


def test_what_a_job_has_set_is_in_no_parse_that_others_get(tmp_path: Path):
    """`--full-refresh` and the threads of one job decided how the next one built its models."""
    model = """
        {{ config(
            materialized='table' if flags.FULL_REFRESH else 'view',
            alias='with_' ~ target.threads,
        ) }} select 1 as n
    """
    site = make_site(tmp_path, {**PROJECT, "models/orders.sql": model})
    site.push({"models/revenue.sql": None})
    site.configure(
        jobs="""
            jobs:
              full: {environment: prod, execute_steps: [dbt build --full-refresh]}
              wide: {environment: prod, execute_steps: [dbt build], settings: {threads: 7}}
              plain: {environment: prod, execute_steps: [dbt build]}
        """
    )
    kinds = "select table_name, table_type from information_schema.tables where table_name like"
    found: dict[str, dict[str, str]] = {}
    for job in ("full", "wide"):
        site.push({"models/other.sql": f"select '{job}' as n"})
        for each in (job, "plain"):
            assert site.run(f"prod__{each}").success
        found[job] = dict(site.query(f"{kinds} 'with_%'"))
        site.change("drop view main.with_2")
    assert found == {"full": {"with_2": "VIEW"}, "wide": {"with_2": "VIEW", "with_7": "VIEW"}}


def test_dbt_clean_works_for_a_project_without_clean_targets(tmp_path: Path):
    """Dbt then deletes the target directory, and refused, for that was not in the project."""
    site = make_site(tmp_path, MODELS)
    site.configure(
        jobs="""
            jobs:
              tidied: {environment: prod, execute_steps: [dbt build, dbt clean, dbt build]}
        """
    )
    done = site.run("prod__tidied")
    assert done.success
    assert "Finished cleaning all paths" in site.console(done.run_id, "05-dbt-clean")


def test_a_relative_path_is_the_same_file_for_every_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Each commit had a new, empty warehouse, in its checkout, which retention deleted."""
    monkeypatch.setattr(prepare, "CHECKOUTS_KEPT", 1)
    files = {
        **PROJECT,
        "profiles.yml": """
            tiny:
              target: prod
              outputs:
                prod:
                  type: duckdb
                  path: data/shop.duckdb
                  attach: [{path: ../raw.duckdb, alias: raw}]
        """,
        "models/orders.sql": """
            {{ config(materialized='incremental') }}
            select '{{ env_var("DBT_CLOUD_RUN_ID") }}' as run
        """,
        "models/revenue.sql": """
            {{ config(materialized='table', database='raw', schema='main') }}
            select count(*) as n from {{ ref('orders') }}
        """,
    }
    site = make_site(tmp_path, files)
    site.configure(jobs=JOBS, deploy=CI)
    last = site.run("prod__nightly")
    for number in (2, 3):
        site.push({"models/orders.sql": files["models/orders.sql"] + f"-- {number}"})
        last = site.run("prod__nightly")
        assert last.success
    assert len([*site.state.checkouts("tiny").iterdir()]) == 1, "the others are evicted"
    place = site.state.warehouses("prod")
    assert {
        str(each.relative_to(site.state.root)) for each in site.state.root.rglob("*.duckdb")
    } == {*("warehouses/prod/data/shop.duckdb", "warehouses/prod/up/raw.duckdb")}
    said = site.console(last.run_id, "01-clone-git-repository")
    assert f"`path` of the connection is {place}/data/shop.duckdb" in said
    assert f"`attach[0].path` of the connection is {place}/up/raw.duckdb" in said
    with duckdb.connect(place / "data" / "shop.duckdb", read_only=True) as connection:
        assert connection.execute("select count(distinct run) from orders").fetchall() == [(3,)]
    before = contents(place)
    found = pull_request(site, 7, {"models/orders.sql": "select 'of the pull request' as run"})
    assert found.success, site.record(found.run_id)["message"]
    assert contents(place) == before, "a pull request builds in copies of all of them"
    copies = site.state.pull_request("prod", 23, 7)
    assert {each.name for each in copies.rglob("*.duckdb")} == {"shop.duckdb", "raw.duckdb"}


def test_what_is_kept_of_a_parse_is_of_use_in_any_tree(tmp_path: Path):
    """A parse made in one tree and lent to another would read the other's seeds."""
    seed = {"seeds/words.csv": "word\nfirst\n", "p/seeds/other.csv": "word\nfirst\n"}
    project = {"p/dbt_project.yml": "name: p", "packages.yml": "packages: [{local: p}]"}
    site = make_site(tmp_path, {**PROJECT, **seed, **project})
    site.configure(jobs=JOBS)
    for word in ("first", "second"):
        for run in (site.run("prod__nightly"), site.run("prod__nightly")):
            assert run.success
            assert site.query("select w.word, o.word from words w, other o") == [(word, word)]
        site.push(dict.fromkeys(seed, "word\nsecond\n"))
    last = site.directory(site.run_ids()[0], "04-dbt-build")
    log = (last / "dbt.log").read_text(encoding="utf-8")
    assert "Nothing changed, skipping partial parsing" in log or "0 files changed" in log
    kept = [
        each.read_bytes() for each in site.state.checkouts("tiny").rglob("partial_parse.msgpack")
    ]
    assert len(kept) == 2
    assert not any(str(site.state.all_work).encode() in each for each in kept)


def test_steps_of_a_run_find_what_those_before_have_left(tmp_path: Path):
    """`source_status:fresher+` did not see what the step before it had measured."""
    site = make_site(
        tmp_path,
        {
            **PROJECT,
            "models/late.sql": "select * from {{ source('raw', 'payments') }}",
            "models/schema.yml": """
                sources:
                  - name: raw
                    schema: main
                    config:
                      loaded_at_field: loaded
                      freshness: {warn_after: {count: 9999, period: day}}
                    tables: [{name: payments}]
            """,
        },
    )
    site.configure(
        jobs="""
            jobs:
              first: {environment: prod, execute_steps: [dbt source freshness, dbt build]}
              fresher:
                environment: prod
                deferring_job: first
                execute_steps:
                  - dbt source freshness
                  - dbt build --select source_status:fresher+
                  - dbt build --select result:success --state target
                  - dbt compile
        """
    )
    site.change("create table payments as select 1 as id, timestamp '2026-01-01' as loaded")
    assert site.run("prod__first").success
    site.change("update payments set loaded = timestamp '2026-01-02'")
    run = site.run("prod__fresher")
    assert run.success
    steps = site.steps(run.run_id)
    assert steps["05-dbt-build"]["counts"] == {"success": 1}
    assert steps["06-dbt-build-2"]["counts"] == {"success": 1}, "what the step before has built"
    own = {
        name: {each.name for each in (site.directory(run.run_id, name) / "target").glob("*.json")}
        for name in ("04-dbt-source", "05-dbt-build", "07-dbt-compile")
    }
    assert "sources.json" in own["04-dbt-source"]
    assert "sources.json" not in own["05-dbt-build"], "each step keeps its own (ART-2)"
    assert "run_results.json" in own["07-dbt-compile"]
