"""What valid files mean."""

from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import (
    Account,
    AssetParent,
    Completion,
    DeferToEnvironment,
    DeferToJob,
    Hosting,
    Job,
    JobParent,
    PullRequestRules,
    Secret,
    TranslatorClass,
)
from tests.support.deployments.configuration_files import Configuration

OURS = (Path(__file__).parents[1] / "jobs" / "ours.yml").read_text(encoding="utf-8")
EXPORTED = """
jobs:
  one:
    environment_id: 11
    name: One
    execute_steps: [dbt build]
"""


def only_job(configuration: Configuration, text: str) -> Job:
    (job,) = configuration.load({"jobs.yml": text}).jobs.values()
    return job


def with_keys(configuration: Configuration, keys: str) -> Job:
    text = f"jobs:\n  one:\n    environment: production\n    {keys}\n"
    return only_job(configuration, text)


def test_everything_of_deploy_yaml(configuration: Configuration, tmp_path: Path) -> None:
    naming = tmp_path / "house" / "naming" / "__init__.py"
    naming.parent.mkdir(parents=True)
    naming.touch()
    deployment = configuration.load(
        {
            "deploy.yaml": """
            account: {id: 5, name: Acme, run_slots: 4}
            projects:
              shop:
                id: 7
                repository: https://git.acme.example/data/shop.git
                subdirectory: ./dbt/
                hosting:
                  kind: gitea
                  url: https://git.acme.example/data/shop/
                  token: {env: SHOP_API_TOKEN}
                pull_requests:
                  refs: pr/*
                  fork_label: safe to test
                  schema_guard: false
                  without_state: build_all
                  sample_rows: false
                username: robot
                token: {file: secrets/token}
                git_repo_cache: true
                partial_parsing: false
                translator: house.naming:Naming
                variables: {DBT_A: text, dbt_b: 1.10, DBT_ENV_SECRET_C: {env: C}}
            environments:
              production:
                id: 11
                project: shop
                type: production
                tag: v1
                target: prod
                profiles_directory: profiles
                schema: analytics
                threads: 8
                dbt_version: "1.10.*"
                variables: {DBT_ON: true, DBT_DAY: 2024-01-01, DBT_NONE: ""}
                concurrency: 2
                row_counts: true
                column_lineage: true
                show_rows: true
              scratch:
                connection: {type: duckdb, path: a.duckdb}
                extended_attributes: {settings: {memory_limit: 1GB}, path: "{{ env_var('DBT_P') }}"}
            jobs: []
            artifacts: "{state}/kept"
            dagster_url: https://dagster.acme.example/
            docs_url: https://docs.acme.example/
            defaults: {threads: 3, dbt_version: "1.11", timezone: Europe/Berlin}
            """
        }
    )
    project = deployment.projects["shop"]
    production, scratch = deployment.environments.values()
    assert deployment.source == tmp_path / "deploy.yaml"
    assert deployment.account == Account(id=5, name="Acme", run_slots=4)
    assert (project.id, project.subdirectory, project.username) == (7, "dbt", "robot")
    assert project.hosting == Hosting(
        kind="gitea",
        url="https://git.acme.example/data/shop",
        api_url="https://git.acme.example/api/v1",
        repository="data/shop",
        token=Secret(env="SHOP_API_TOKEN"),
    )
    assert project.pull_requests == PullRequestRules(
        "refs/heads/pr/*",
        "safe to test",
        schema_guard=False,
        without_state="build_all",
        sample_rows=False,
    )
    assert project.token == Secret(file=tmp_path / "secrets" / "token")
    assert project.git_repo_cache
    assert not project.partial_parsing
    assert project.translator == TranslatorClass(tmp_path, naming, "house.naming", "Naming")
    assert project.translator is not None
    assert project.translator.place == (f"{tmp_path / 'deploy.yaml'}:22: projects.shop.translator")
    assert project.variables == {"DBT_A": "text", "DBT_B": "1.10", "DBT_ENV_SECRET_C": Secret("C")}
    assert production.project is project
    assert (production.id, production.type, production.ref) == (11, "production", "refs/tags/v1")
    assert (production.target, production.profiles_directory) == ("prod", "profiles")
    assert (production.target_schema, production.threads) == ("analytics", 8)
    assert production.dbt_version == "1.10.*"
    assert production.variables == {"DBT_ON": "true", "DBT_DAY": "2024-01-01", "DBT_NONE": ""}
    assert production.concurrency == 2
    assert production.row_counts
    assert production.column_lineage
    assert production.show_rows
    assert not scratch.show_rows
    assert (scratch.type, scratch.ref, scratch.threads) == ("general", "HEAD", 3)
    assert scratch.dbt_version == "1.11"
    assert scratch.connection == {"type": "duckdb", "path": "a.duckdb"}
    assert scratch.extended_attributes == {
        "settings": {"memory_limit": "1GB"},
        "path": "{{ env_var('DBT_P') }}",
    }
    assert deployment.artifacts == str(tmp_path / "state" / "kept")
    assert deployment.dagster_url == "https://dagster.acme.example"
    assert deployment.docs_url == "https://docs.acme.example"


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("../shop", "{parent}/shop"),
        ("/srv/git/shop.git", "/srv/git/shop.git"),
        ("{state}/shop.git", "{root}/state/shop.git"),
        ("file://{state}/shop.git", "file://{root}/state/shop.git"),
        ("git@github.com:acme/shop.git", "git@github.com:acme/shop.git"),
        ("ssh://git@host:22/shop.git", "ssh://git@host:22/shop.git"),
    ],
)
def test_repository(
    configuration: Configuration, tmp_path: Path, repository: str, expected: str
) -> None:
    text = f"projects: {{shop: {{repository: '{repository}'}}}}\nenvironments: {{production: {{}}}}"
    found = configuration.load({"deploy.yaml": text}).projects["shop"].repository
    assert found == expected.format(parent=tmp_path.parent, root=tmp_path)


def test_home_directory(configuration: Configuration) -> None:
    text = "projects: {shop: {repository: ~/shop}}\nenvironments: {production: {}}"
    found = configuration.load({"deploy.yaml": text}).projects["shop"].repository
    assert found == str(Path("~/shop").expanduser())


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        (
            "repository: https://github.com/acme/shop.git",
            ("github", "https://github.com/acme/shop"),
        ),
        (
            "repository: git@gitlab.com:acme/a/shop.git",
            ("gitlab", "https://gitlab.com/acme/a/shop"),
        ),
        (
            "repository: ssh://git@github.com:22/acme/shop",
            ("github", "https://github.com/acme/shop"),
        ),
        ("repository: https://git.example/acme/shop.git", None),
        ("repository: /srv/github.com/shop.git", None),
        (
            "{repository: 'git@git.example:acme/shop.git', hosting: {kind: gitlab}}",
            ("gitlab", "https://git.example/acme/shop"),
        ),
        (
            "{repository: /srv/shop, hosting: {url: 'https://github.com/acme/shop/'}}",
            ("github", "https://github.com/acme/shop"),
        ),
    ],
)
def test_hosting_comes_from_the_repository(
    configuration: Configuration, project: str, expected: tuple[str, str] | None
) -> None:
    entry = project if project.startswith("{") else f"{{{project}}}"
    text = f"projects: {{shop: {entry}}}\nenvironments: {{production: {{}}}}"
    hosting = configuration.load({"deploy.yaml": text}).projects["shop"].hosting
    assert (hosting and (hosting.kind, hosting.url)) == expected


HUB, LAB, TEA = "https://github.com/acme/shop", "https://git.example/a/b/shop", "http://h:81/p/a/s"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (f"url: {HUB}", ("https://api.github.com", "acme/shop")),
        (f"url: {HUB}.git/", ("https://api.github.com", "acme/shop")),
        (
            "kind: github, url: https://acme.ghe.com/data/shop",
            ("https://api.acme.ghe.com", "data/shop"),
        ),
        (
            "kind: github, url: https://git.example:8443/acme/shop",
            ("https://git.example:8443/api/v3", "acme/shop"),
        ),
        (f"kind: gitlab, url: {LAB}", ("https://git.example/api/v4", "a/b/shop")),
        (
            f"kind: gitlab, url: {LAB}, api_url: https://git.example/a/api/v4/",
            ("https://git.example/a/api/v4", "b/shop"),
        ),
        (f"kind: gitea, url: {TEA}", ("http://h:81/p/api/v1", "a/s")),
        (
            f"kind: gitea, url: {TEA}, api_url: http://inside:3000/api/v1",
            ("http://inside:3000/api/v1", "a/s"),
        ),
        ("kind: gitlab, url: https://git.example/shop", ("", "")),
        ("kind: gitlab, url: https://git.example/../shop", ("", "")),
    ],
)
def test_the_api_comes_from_the_page(
    configuration: Configuration, stated: str, expected: tuple[str, str]
) -> None:
    entry = f"{{repository: /srv/shop, hosting: {{{stated}}}}}"
    text = f"projects: {{shop: {entry}}}\nenvironments: {{production: {{}}}}"
    hosting = configuration.load({"deploy.yaml": text}).projects["shop"].hosting
    assert (hosting and (hosting.api_url, hosting.repository)) == expected


def test_the_token_of_the_hosting_is_the_projects_unless_it_has_its_own(
    configuration: Configuration,
) -> None:
    text = """
    projects:
      one: {repository: "https://github.com/acme/one", token: {env: ONE}}
      two:
        repository: https://github.com/acme/two
        token: {env: ONE}
        hosting: {token: {env: TWO}}
    environments: {production: {project: one}}
    """
    projects = configuration.load({"deploy.yaml": text}).projects
    tokens = [project.hosting and project.hosting.token for project in projects.values()]
    assert tokens == [Secret(env="ONE"), Secret(env="TWO")]


def test_jobs_written_our_way(configuration: Configuration, tmp_path: Path) -> None:
    jobs = configuration.load({"jobs.yml": OURS}).jobs
    build, ci, merge, after, checks = jobs.values()
    assert list(jobs) == [
        "production__build",
        "staging__ci",
        "production__merge",
        "production__after",
        "staging__checks",
    ]
    assert build.cron == ("0 5 * * MON-FRI", "0 8 * * SAT,SUN")
    assert (build.timezone, build.scheduled) == ("Europe/Berlin", True)
    assert build.commands == ("dbt build",)
    assert build.steps == (("build",),)
    assert (build.target_name, build.threads, build.deferral) == (None, None, None)
    assert (ci.on_pull_request, ci.on_merge, ci.scheduled, ci.cron) == (True, False, False, ())
    assert ci.commands == merge.commands == ("dbt build --select state:modified+",)
    assert ci.deferral == DeferToEnvironment("production")
    assert (merge.on_merge, merge.on_pull_request) == (True, False)
    assert merge.deferral == DeferToEnvironment("production")
    assert after.steps == (
        ("--warn-error", "build", "--select", "tag:after"),
        ("docs", "generate"),
    )
    assert after.deferral == DeferToJob("production__build")
    assert (after.threads, after.target_name, after.scheduled) == (2, None, False)
    assert after.variables == {
        "DBT_LIMIT": "1.10",
        "DBT_FULL": "true",
        "DBT_START": "2024-01-01",
        "DBT_ENV_SECRET_TOKEN": Secret(env="TOKEN"),
        "DBT_ENV_SECRET_KEY": Secret(file=tmp_path / "keys" / "one"),
    }
    assert checks.deferral == DeferToEnvironment("production")


def test_an_export_has_no_defaults_of_deferral_and_triggers(configuration: Configuration) -> None:
    exported = EXPORTED + "    job_type: merge\n    schedule: {cron: '0 0 * * *'}\n"
    job = only_job(configuration, exported)
    assert job.deferral is None
    assert (job.on_merge, job.on_pull_request, job.scheduled) == (False, False, False)


def test_a_ci_job_without_production_environment_defers_to_nothing(
    configuration: Configuration,
) -> None:
    files = {
        "deploy.yaml": "projects: {a: {repository: /a}}\nenvironments: {test: {}}",
        "jobs.yml": "jobs: {ci: {environment: test, job_type: ci}}",
    }
    assert configuration.load(files).jobs["test__ci"].deferral is None


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("description: none", (None, None)),
        ("settings: null", (None, None)),
        ("settings: {}", (4, None)),
        ("settings: {target_name: default}", (4, "default")),
        ("settings: {threads: 2, target_name: prod}", (2, "prod")),
    ],
)
def test_settings(
    configuration: Configuration, settings: str, expected: tuple[int | None, str | None]
) -> None:
    job = with_keys(configuration, settings)
    assert (job.threads, job.target_name) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("null", None),
        ("latest", None),
        ("versionless", None),
        ("compatible", None),
        ("'1.10'", "1.10"),
        ("1.10.3", "1.10.3"),
        ("1.10.*", "1.10.*"),
        ("1.7.0-latest", "1.7.*"),
    ],
)
def test_versions_of_jobs(configuration: Configuration, version: str, expected: str | None) -> None:
    assert with_keys(configuration, f"dbt_version: {version}").dbt_version == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("name: Plain", ("one", "Plain")),
        ("name: Marked [[two]]", ("two", "Marked")),
        ("name: Filtered [[prod:two]]", ("two", "Filtered")),
        ("description: no name", ("one", "one")),
    ],
)
def test_the_identifier_in_the_name_wins(
    configuration: Configuration, keys: str, expected: tuple[str, str]
) -> None:
    job = with_keys(configuration, keys)
    assert (job.identifier, job.title) == expected
    assert job.name == f"production__{expected[0]}"


def test_names_are_those_of_dagster(configuration: Configuration) -> None:
    files = {
        "deploy.yaml": "projects: {a-b: {repository: /a}}\nenvironments: {prod-eu: {}}",
        "jobs.yml": "jobs: {daily-build: {environment: prod-eu}}",
    }
    assert list(configuration.load(files).jobs) == ["prod_eu__daily_build"]


def test_a_deactivated_job_is_started_by_nothing(configuration: Configuration) -> None:
    text = """
    jobs:
      parent: {environment: production}
      one:
        environment: production
        deactivated: true
        schedule: {cron: "0 0 * * *"}
        triggers: {schedule: true, on_merge: true, github_webhook: true}
        job_completion_trigger_condition: {condition: {job_id: 42}}
      two: {environment: production, id: 42}
    """
    job = configuration.load({"jobs.yml": text}).jobs["production__one"]
    assert (job.scheduled, job.on_merge, job.on_pull_request) == (False, False, False)
    assert job.completion is None
    assert job.cron == ("0 0 * * *",)


def test_a_deleted_job_is_left_out(configuration: Configuration) -> None:
    text = "jobs: {one: {environment: production, state: 2}, two: {environment: production}}"
    assert list(configuration.load({"jobs.yml": text}).jobs) == ["production__two"]


def test_a_completion_trigger_names_the_parent(configuration: Configuration) -> None:
    text = """
    jobs:
      child:
        environment: production
        job_completion_trigger_condition: {condition: {job_id: 42, statuses: [20]}}
      parent: {environment: staging, linked_id: 42}
    """
    jobs = configuration.load({"jobs.yml": text}).jobs
    assert jobs["production__child"].completion == Completion(
        (JobParent("staging__parent", (20,)),)
    )


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        (
            "{any: [{job_id: '42'}, {job: other, statuses: [10]}]}",
            Completion((JobParent("staging__parent"), JobParent("production__other", (10,)))),
        ),
        (
            "{all: [{job_id: 42, project_id: 7, statuses: [20, 30]}, {asset: raw/orders}]}",
            Completion(
                (JobParent("staging__parent", (20, 30)), AssetParent(("raw", "orders"))),
                needs_all=True,
            ),
        ),
        (
            "{any: [{job: staging__parent}, {location: ingest, job: load_orders, statuses: [10]}]}",
            Completion((JobParent("staging__parent"), JobParent("load_orders", (10,), "ingest"))),
        ),
        (
            "{any: [{location: other, job: production__child}]}",  # no circle: it is another's
            Completion((JobParent("production__child", location="other"),)),
        ),
        ("{any: [{asset: orders}], condition: , all: }", Completion((AssetParent(("orders",)),))),
    ],
)
def test_several_parents(configuration: Configuration, trigger: str, expected: Completion) -> None:
    text = f"""
    jobs:
      child: {{environment: production, job_completion_trigger_condition: {trigger}}}
      parent: {{environment: staging, id: 42}}
      other: {{environment: production}}
    """
    jobs = configuration.load({"jobs.yml": text}).jobs
    assert jobs["production__child"].completion == expected


def test_default_time_zone(configuration: Configuration) -> None:
    deploy = configuration.root / "deploy.yaml"
    configuration.write({})
    text = deploy.read_text() + "defaults: {timezone: Asia/Tokyo}\n"
    files = {"deploy.yaml": text, "jobs.yml": "jobs: {one: {environment: production}}"}
    assert configuration.load(files).jobs["production__one"].timezone == "Asia/Tokyo"


def test_jobs_come_from_globs_directories_and_files_once(configuration: Configuration) -> None:
    job = "jobs: {%s: {environment: production}}"
    deployment = configuration.load(
        {
            "deploy.yaml": """
            projects: {a: {repository: /a}}
            environments: {production: {}}
            jobs: [more/**/*.yml, more/deep, last.yml, last.yml]
            """,
            "more/b.yml": job % "b",
            "more/deep/a.yaml": job % "a",
            "more/deep/c.yml": job % "c",
            "last.yml": job % "d",
        }
    )
    assert [one.identifier for one in deployment.jobs.values()] == ["b", "c", "a", "d"]


def test_the_account_defaults_to_number_one(configuration: Configuration) -> None:
    assert configuration.load().account == Account(id=1, name="default")


@pytest.mark.parametrize("name", ["jobs", "{state}"])
def test_text_without_marks_is_no_template(configuration: Configuration, name: str) -> None:
    text = f"jobs: {{one: {{environment: production, description: '{name}'}}}}"
    assert only_job(configuration, text).description == name


def test_a_local_profiles_directory_may_be_in_the_state(configuration: Configuration) -> None:
    text = """
    projects: {a: {repository: /a}}
    environments: {production: {profiles_directory: "{state}/profiles"}}
    """
    environment = configuration.load({"deploy.yaml": text}).environments["production"]
    state = StateDirectory(configuration.root / "state")
    assert environment.profiles_directory == str(state.root / "profiles")


def test_a_schedule_may_be_null(configuration: Configuration) -> None:
    """dbt-jobs-as-code itself fails on `schedule: null`, which its own exports can have."""
    job = only_job(configuration, EXPORTED + "    job_type: ci\n    schedule: null\n")
    assert (job.cron, job.scheduled) == ((), False)
