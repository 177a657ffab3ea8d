import os
from pathlib import Path

import pytest

from deploy_project.dbt.project.paths import install_path, overridden, projects, refuse_leaving
from deploy_project.dbt.project.rendering import Rendering
from deploy_project.errors import ConfigError

SEEN = Rendering({"DBT_OUT": "../..", "DBT_IN": "lib"})


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with a dbt project in a directory of its own; a secret lies beside it."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file.sql").write_text("secret", encoding="utf-8")
    (tmp_path / "tree" / "dbt" / "models").mkdir(parents=True)
    (tmp_path / "tree" / "shared").mkdir()
    write(tmp_path / "tree" / "dbt", "")
    return tmp_path / "tree"


def write(project: Path, text: str, name: str = "dbt_project.yml") -> None:
    project.mkdir(parents=True, exist_ok=True)
    start = "name: shop\nprofile: shop\n" if name == "dbt_project.yml" else ""
    (project / name).write_text(start + text, encoding="utf-8")


def refused(tree: Path) -> list[str]:
    try:
        refuse_leaving(tree / "dbt", tree, SEEN)
    except ConfigError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("packages-install-path", "../../other"),
        ("packages-install-path", "/etc"),
        ("packages-install-path", "\"{{ env_var('DBT_OUT') }}/x\""),
        ("packages-install-path", "\"{{ '../' * 5 }}x\""),
        ("modules-path", "../../x"),
        ("clean-targets", "[target, ../../x]"),
        ("clean-targets", "[/var]"),
        ("clean-targets", "../../x"),
        *((f"{kind}-paths", "[models, ../../secret]") for kind in ("model", "seed", "test")),
        *((f"{kind}-paths", "[../../secret]") for kind in ("analysis", "macro", "snapshot")),
        *((f"{kind}-paths", "[models/../../../secret]") for kind in ("docs", "asset", "function")),
        *((f"{kind}-paths", "[/etc]") for kind in ("source", "data")),
    ],
)
def test_a_path_that_leads_out_is_refused_with_file_and_key(tree: Path, key: str, value: str):
    write(tree / "dbt", f"{key}: {value}\n")
    told = refused(tree)
    assert len(told) == 1
    assert told[0].startswith(f"dbt/dbt_project.yml: {key}: found '")
    assert "which leads out of the repository, to '/" in told[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "packages-install-path: \"{{ env_var('DBT_IN') }}\"",
        "packages-install-path: ../shared/packages",
        "model-paths: [models, ../shared]",
        "clean-targets: [target, dbt_packages, ../shared/target]",
        "model-paths: [\"{{ 'models' if target is defined else 'models' }}\"]",
    ],
)
def test_what_stays_inside_the_repository_is_nobody_elses_business(tree: Path, text: str):
    write(tree / "dbt", text + "\n")
    assert refused(tree) == []


def test_a_value_that_nobody_can_make_out_is_refused(tree: Path):
    write(tree / "dbt", "model-paths: [\"{{ env_var('DBT_ABSENT') }}\"]\n")
    assert "dbt_project.yml: model-paths" in refused(tree)[0]


@pytest.mark.parametrize(
    ("link", "target", "key"),
    [
        ("models/x.sql", "/etc/passwd", "model-paths"),
        ("models/deep/er", "../../../../secret", "model-paths"),
        ("seeds", "../../secret", "seed-paths"),
        ("macros/gone", "/not/there", "macro-paths"),
        ("dbt_packages", "/var", "packages-install-path"),
    ],
)
def test_a_link_that_leads_out_is_refused(tree: Path, link: str, target: str, key: str):
    place = tree / "dbt" / link
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)
    told = refused(tree)
    assert [each for each in told if each.startswith(f"dbt/dbt_project.yml: {key}: found ")]
    assert any(os.path.realpath(place) in each for each in told)


@pytest.mark.parametrize("name", ["package-lock.yml", "packages.yml", "selectors.yml"])
def test_a_file_of_dbts_that_is_a_link_out_is_refused(tree: Path, name: str):
    """A lock file was written through a link."""
    (tree / "dbt" / name).symlink_to(tree.parent / "secret" / "file.sql")
    assert refused(tree)[0].startswith(f"dbt/{name} is a link, which leads out of the repository")


def test_a_link_to_a_directory_inside_is_followed_as_dbt_does(tree: Path):
    (tree / "dbt" / "models" / "shared").symlink_to("../../shared")
    assert refused(tree) == []
    (tree / "shared" / "s.sql").symlink_to("/etc/shadow")
    assert "found the link 'shared/s.sql'" in refused(tree)[0]


def test_links_that_go_in_circles_end(tree: Path):
    (tree / "dbt" / "models" / "again").symlink_to(".")
    (tree / "dbt" / "models" / "self").symlink_to("self")
    assert refused(tree) == []


def test_links_elsewhere_do_not_matter(tree: Path):
    (tree / "python").symlink_to("/usr/bin/python3")
    assert refused(tree) == []


def test_a_local_package_outside_is_refused(tree: Path):
    for text in ("- local: /etc", "- local: ../../secret", "- local: \"{{ env_var('DBT_OUT') }}\""):
        write(tree / "dbt", f"packages:\n  {text}\n", "packages.yml")
        assert refused(tree)[0].startswith("dbt/packages.yml: local: found '")


def test_packages_are_held_to_the_same(tree: Path):
    """What a local package names counts, and what its own packages name, and what is installed."""
    write(tree / "dbt", "packages: [{local: ../shared/one}]\n", "packages.yml")
    write(tree / "shared" / "one", "asset-paths: [/etc]\n")
    write(tree / "shared" / "one", "packages: [{local: ../shared/two}]\n", "dependencies.yml")
    write(tree / "shared" / "two", "")
    (tree / "shared" / "two" / "models").symlink_to("/etc")
    write(tree / "dbt" / "dbt_packages" / "three", "seed-paths: [../../../../secret]\n")
    told = "\n".join(refused(tree))
    for place in ("shared/one", "shared/two", "dbt/dbt_packages/three"):
        assert f"{place}/dbt_project.yml: " in told
    assert len(projects(tree / "dbt", tree, SEEN)) == 4


def test_all_is_told_at_once(tree: Path):
    write(tree / "dbt", "packages-install-path: /x\nclean-targets: [/y]\nmodel-paths: [/z]\n")
    assert len(refused(tree)) == 3


def test_where_packages_go(tree: Path):
    assert install_path(tree / "dbt", SEEN) == tree / "dbt" / "dbt_packages"
    write(tree / "dbt", "packages-install-path: \"{{ env_var('DBT_IN') }}\"\n")
    assert install_path(tree / "dbt", SEEN) == tree / "dbt" / "lib"


def test_keys_that_a_run_overrides_are_told_and_ignored(tree: Path):
    write(tree / "dbt", "target-path: /x\nlog-path: ../../y\n")
    assert [each.split(": ")[1] for each in overridden(tree / "dbt")] == ["target-path", "log-path"]
    assert refused(tree) == []
