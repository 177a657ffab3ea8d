from pathlib import Path
from typing import Any

import pytest

from deploy_project.config.values.deployment import Environment, Project
from deploy_project.dbt.project import profiles
from deploy_project.dbt.project.profiles import Profile
from deploy_project.dbt.project.rendering import Rendering
from deploy_project.errors import ConfigError

PROFILES = """
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: dev.duckdb, schema: dev}
    prod:
      type: duckdb
      path: "{{ env_var('DBT_ENV_SECRET_PATH') }}"
      schema: main
      threads: 3
config: {}
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "dbt_project.yml").write_text("profile: shop\n", encoding="utf-8")
    (tmp_path / "profiles.yml").write_text(PROFILES, encoding="utf-8")
    return tmp_path


def environment(**settings: Any) -> Environment:
    project = Project(name="shop", id=1, repository="/nowhere")
    return Environment(name="prod", id=2, project=project, type="production", **settings)


def profile(environment: Environment, directory: Path, **settings: Any) -> Profile:
    seen = Rendering({"DBT_WHERE": "prod", "DBT_WHOSE": "shop"})
    return profiles.profile(environment, directory, seen, tree=directory, **settings)


def written(made: Profile, directory: Path) -> str:
    made.write(directory / "out")
    return (directory / "out" / "profiles.yml").read_text(encoding="utf-8")


def test_the_output_of_the_target_is_taken_as_written(directory: Path):
    made = profile(environment(target="prod"), directory)
    assert (made.name, made.target, made.adapter, made.schema) == ("shop", "prod", "duckdb", "main")
    text = written(made, directory)
    assert "{{ env_var('DBT_ENV_SECRET_PATH') }}" in text, "Jinja is dbt's to render"
    assert "dev.duckdb" not in text
    assert (directory / "out" / "profiles.yml").stat().st_mode & 0o777 == 0o600


def test_dbts_flags_stay_where_they_were_of_old(directory: Path):
    """`config:` of profiles.yml was lost, and with it `fail_fast` and all the others."""
    text = PROFILES.replace("config: {}", "config: {fail_fast: true}")
    (directory / "profiles.yml").write_text(text, encoding="utf-8")
    made = profile(environment(target="prod"), directory)
    assert made.config == {"fail_fast": True}
    assert "fail_fast: true" in written(made, directory)

    (directory / "dbt_project.yml").write_text("profile: shop\nflags: {quiet: true}\n")
    assert profile(environment(target="prod"), directory).config == {}, "dbt refuses both"


def test_a_second_profile_replaces_the_first_whole(directory: Path):
    written(profile(environment(target="prod"), directory), directory)
    text = written(profile(environment(), directory), directory)
    assert "prod" not in text


@pytest.mark.parametrize(
    ("settings", "job", "target", "output"),
    [
        ({}, {}, "dev", {"schema": "dev"}),
        ({"target": "prod"}, {}, "prod", {"threads": 3}),
        ({"target": "prod"}, {"target_name": "default"}, "default", {"schema": "main"}),
        ({"target": "prod", "threads": 8}, {}, "prod", {"threads": 8}),
        ({"target": "prod", "threads": 8}, {"threads": 2}, "prod", {"threads": 2}),
        ({"target": "prod", "target_schema": "mart"}, {}, "prod", {"schema": "mart"}),
        (
            {"target": "prod", "target_schema": "mart"},
            {"schema_override": "dbt_cloud_pr_3_7"},
            *("prod", {"schema": "dbt_cloud_pr_3_7"}),
        ),
        (
            {"connection": {"type": "postgres", "schema": "x"}, "target_schema": "mart"},
            {},
            *("prod", {"type": "postgres", "schema": "mart"}),
        ),
        (
            {"connection": {"type": "bigquery", "dataset": "x"}},
            {"schema_override": "pr"},
            *("prod", {"dataset": "pr"}),
        ),
        ({"connection": {"type": "duckdb"}, "target": "live"}, {}, "live", {"type": "duckdb"}),
        (
            {"target": "prod", "extended_attributes": {"path": "b", "settings": {"x": 1}}},
            {},
            *("prod", {"path": "b", "settings": {"x": 1}, "schema": "main", "threads": 3}),
        ),
        (
            {"target_schema": "a", "threads": 1, "extended_attributes": {"schema": "b"}},
            {},
            *("dev", {"schema": "b", "threads": 1}),
        ),
        (
            {"threads": 1, "extended_attributes": {"threads": 7, "schema": "b"}},
            {},
            *("dev", {"threads": 7}),
        ),
        (
            {"extended_attributes": {"threads": 7, "schema": "b"}},
            {"threads": 2, "schema_override": "c", "target_name": "default"},
            *("default", {"threads": 2, "schema": "c"}),
        ),
        (
            {
                "connection": {"type": "bigquery", "dataset": "a", "project": "p"},
                "extended_attributes": {"schema": "b", "priority": "batch"},
            },
            {},
            *("prod", {"dataset": "b", "project": "p", "priority": "batch"}),
        ),
        (
            {"target_schema": "a", "extended_attributes": {"type": "bigquery"}},
            {},
            *("dev", {"type": "bigquery", "schema": "a"}),
        ),
    ],
    ids=[
        *("the profile's own target", "the environment's target", "the job's target name"),
        *("the environment's threads", "the job's threads", "the environment's schema"),
        *("a pull request's schema", "a connection", "a dataset", "a connection with a target"),
        *("extended attributes", "a schema among them", "threads among them"),
        *("the job and the run over them", "a schema under another name", "another adapter"),
    ],
)
def test_who_decides_what(
    directory: Path,
    settings: dict[str, Any],
    job: dict[str, Any],
    target: str,
    output: dict[str, Any],
):
    made = profile(environment(**settings), directory, **job)
    assert made.target == target
    assert made.output.items() >= output.items()


def test_extended_attributes_stay_as_written(directory: Path):
    key = "{{ env_var('DBT_ENV_SECRET_KEY') }}"
    settings = environment(extended_attributes={"settings": {"s3_secret": key}})
    assert key in written(profile(settings, directory), directory)


@pytest.mark.parametrize(
    "kind",
    ["../../x", "duckdb @ git+https://host/x", "{{ env_var('X') }}", "-r", "a b", 3, ["a"], "A"],
)
def test_a_type_that_is_no_adapters_name_is_refused(directory: Path, kind: object):
    """It comes from git, and becomes a directory and the name of a package to install."""
    settings = environment(extended_attributes={"type": kind})
    with pytest.raises(ConfigError, match="which is no adapter's name; write one such as `duckdb`"):
        profile(settings, directory)


def test_profiles_may_lie_elsewhere(directory: Path):
    elsewhere = directory / "profiles"
    elsewhere.mkdir()
    (directory / "profiles.yml").rename(elsewhere / "profiles.yml")
    assert profile(environment(profiles_directory="profiles"), directory).target == "dev"
    assert profile(environment(profiles_directory=str(elsewhere)), directory).target == "dev"


PLACE = (
    "environment 'prod' needs `connection:` or `profiles_directory:` in deploy.yaml, "
    "or a profiles.yml in the dbt project"
)


@pytest.mark.parametrize(
    ("file", "content", "settings", "message"),
    [
        (
            *("profiles.yml", None, {}),
            f"{{}}/profiles.yml does not exist; {PLACE}",
        ),
        (
            *("profiles.yml", "other: {}\nconfig: {}\n", {}),
            "{}/profiles.yml has no profile 'shop', which dbt_project.yml names; it has: other",
        ),
        (
            *("profiles.yml", PROFILES, {"target": "live"}),
            "{}/profiles.yml has no target 'live' in profile 'shop'; it has: dev, prod; "
            "set `target:` of environment 'prod' to one of them",
        ),
        (
            *("profiles.yml", "shop: {target: dev}\n", {}),
            "{}/profiles.yml has no target 'dev' in profile 'shop'; it has: none; "
            "set `target:` of environment 'prod' to one of them",
        ),
        (
            *("profiles.yml", "shop: {outputs: {default: {schema: x}}}\n", {}),
            "the connection of environment 'prod' has no `type`: name the adapter",
        ),
        (
            *("profiles.yml", "- shop\n", {}),
            f"{{}}/profiles.yml holds no mapping but list; {PLACE}",
        ),
        (
            *("dbt_project.yml", "name: shop\n", {}),
            "{}/dbt_project.yml: profile: found None; name the project's profile there",
        ),
        (
            *("dbt_project.yml", None, {}),
            "{}/dbt_project.yml does not exist; the dbt project needs one",
        ),
        (
            *("profiles.yml", PROFILES, {"connection": {"schema": "x"}}),
            "the connection of environment 'prod' has no `type`: name the adapter",
        ),
    ],
    ids=[
        *("no file", "no profile", "no target", "no outputs", "no type", "no mapping"),
        *("no name", "no project", "no type in a connection"),
    ],
)
def test_what_is_missing_is_named(
    directory: Path, file: str, content: str | None, settings: dict[str, Any], message: str
):
    (directory / file).unlink()
    if content is not None:
        (directory / file).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        profile(environment(**settings), directory)
    assert str(raised.value) == message.format(directory)


def test_yaml_that_is_none_is_told_with_its_place(directory: Path):
    (directory / "profiles.yml").write_text("shop: [\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"profiles\.yml is not valid YAML: (.|\n)*line 2"):
        profile(environment(), directory)


def test_what_dbt_renders_is_rendered(directory: Path):
    """Jinja in `target:` of profiles.yml was taken for the name of an output."""
    project = "profile: \"{{ env_var('DBT_WHOSE') }}\"\n"
    (directory / "dbt_project.yml").write_text(project, encoding="utf-8")
    text = PROFILES.replace("target: dev", "target: \"{{ env_var('DBT_WHERE', 'dev') }}\"")
    (directory / "profiles.yml").write_text(text, encoding="utf-8")
    assert profile(environment(), directory).target == "prod"
    (directory / "profiles.yml").write_text(text.replace("WHERE", "ABSENT"), encoding="utf-8")
    assert profile(environment(), directory).target == "dev"


def test_a_target_that_can_not_be_rendered_is_told_with_its_place(directory: Path):
    text = PROFILES.replace("target: dev", "target: \"{{ env_var('DBT_ABSENT') }}\"")
    (directory / "profiles.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"profiles.yml: shop.target.*'DBT_ABSENT', which is not"):
        profile(environment(), directory)


def test_profiles_do_not_lead_out_of_the_repository(directory: Path, tmp_path_factory: Any):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "secret"
    elsewhere.write_text("password: hunter2", encoding="utf-8")
    (directory / "profiles.yml").unlink()
    (directory / "profiles.yml").symlink_to(elsewhere)
    with pytest.raises(ConfigError, match=r"'profiles.yml' is a link, which leads out") as told:
        profile(environment(), directory)
    assert "hunter2" not in str(told.value)
