"""Files of warehouses that lie in checkouts, where they came to lie when dbt worked there."""

import os
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

from deploy_project.config.state import Checkout, StateDirectory
from deploy_project.config.values.deployment import Project, PullRequestRules
from deploy_project.dbt.project.rendering import Rendering
from deploy_project.dbt.project.warehouse_files import Named
from deploy_project.git.checkouts import ensure_checkout
from deploy_project.releases.connections import Connection, connected
from deploy_project.releases.strangers import Stranger, trusted
from deploy_project.releases.warehouses import Warehouse, rescue

FILE = Named(("path",), "data/w.duckdb")


def git(*words: str, cwd: Path) -> str:
    user = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    done = subprocess.run(
        ["git", *user, *words], cwd=cwd, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def database(file: Path, word: str, *, at: int = 0) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(file) as connection:
        connection.execute("create or replace table t as select ? as word", [word])
    if at:
        os.utime(file, (at, at))
    return file


def word(file: Path) -> str:
    with duckdb.connect(file, read_only=True) as connection:
        found = connection.execute("select word from t").fetchone()
    assert found is not None
    return str(found[0])


class Place:
    """A project of three commits, all of them checked out."""

    def __init__(self, root: Path) -> None:
        remote = root / "remote"
        remote.mkdir()
        git("init", "-q", "-b", "main", cwd=remote)
        self.project = Project("shop", 1, str(remote), subdirectory="dbt")
        self.state = StateDirectory(root / "state")
        self.checkouts: list[Checkout] = []
        for number in range(3):
            (remote / "dbt").mkdir(exist_ok=True)
            (remote / "dbt" / "dbt_project.yml").write_text(f"name: v{number}", encoding="utf-8")
            database(remote / "dbt" / "committed.duckdb", "of the commit")
            git("add", "-A", cwd=remote)
            git("commit", "-q", "-m", str(number), cwd=remote)
            commit = git("rev-parse", "HEAD", cwd=remote)
            self.checkouts.append(ensure_checkout(self.project, self.state, commit))

    def warehouse(self, environment: str = "prod", *siblings: str) -> Warehouse:
        return Warehouse(self.project, environment, siblings, self.state)

    def at(self, number: int, name: str = "data/w.duckdb") -> Path:
        return self.checkouts[number].tree / "dbt" / name


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_newest_is_taken_and_the_others_are_kept_beside_it(place: Place):
    database(place.at(0), "oldest", at=1_000)
    database(place.at(1), "newest", at=3_000)
    place.at(1).with_name("w.duckdb.wal").write_bytes(b"")
    database(place.at(2), "middle", at=2_000)
    said = place.warehouse().adopt(FILE, place.checkouts[2])
    data = place.state.warehouses("prod") / "data"
    names = {each.name: word(each) for each in data.glob("*.duckdb")}
    commits = [each.root.name[:12] for each in place.checkouts]
    assert names == {
        "w.duckdb": "newest",
        f"w.from-{commits[0]}.duckdb": "oldest",
        f"w.from-{commits[2]}.duckdb": "middle",
    }
    assert (data / "w.duckdb.wal").exists(), "a database without its log has lost something"
    assert [str(each) in " ".join(said) for each in data.glob("*.duckdb")] == [True] * 3
    assert not any(place.at(number).exists() for number in range(3))
    assert place.warehouse().adopt(FILE, place.checkouts[2]) == [], "there is nothing left to do"


def test_a_file_that_an_environment_has_is_never_replaced(place: Place):
    database(place.warehouse().place(FILE), "mine")
    database(place.at(0), "newer")
    place.warehouse().adopt(FILE, place.checkouts[0])
    assert word(place.warehouse().place(FILE)) == "mine"
    apart = next(place.state.warehouses("prod").glob("data/w.from-*"))
    assert word(apart) == "newer"


def test_environments_that_had_the_same_file_each_get_it(place: Place):
    database(place.at(0), "both")
    place.warehouse("prod", "staging").adopt(FILE, place.checkouts[0])
    place.warehouse("staging", "prod").adopt(FILE, place.checkouts[0])
    both = [place.state.warehouses(each) / "data" / "w.duckdb" for each in ("prod", "staging")]
    assert [word(each) for each in both] == ["both", "both"]


def test_a_file_of_the_commit_is_the_beginning_and_stays_where_it_is(place: Place):
    committed = Named(("path",), "committed.duckdb")
    for _ in range(2):
        place.warehouse().adopt(committed, place.checkouts[0])
    assert word(place.warehouse().place(committed)) == "of the commit"
    assert all(place.at(number, "committed.duckdb").exists() for number in range(3))


def test_a_file_of_the_commit_that_runs_have_written_is_data(place: Place):
    committed = Named(("path",), "committed.duckdb")
    database(place.at(1, "committed.duckdb"), "of runs")
    place.warehouse().adopt(committed, place.checkouts[0])
    assert word(place.warehouse().place(committed)) == "of runs"


def test_paths_that_lead_up_find_their_files_and_stay_inside(place: Place):
    above = Named(("path",), "../w.duckdb")
    database(place.at(0, "../w.duckdb"), "above")
    place.warehouse().adopt(above, place.checkouts[0])
    assert word(place.state.warehouses("prod") / "up" / "w.duckdb") == "above"
    outside = Named(("path",), "../../../../secret.duckdb")
    secret = database(Path(os.path.normpath(place.at(0, outside.path))), "somebody's")
    assert place.warehouse().adopt(outside, place.checkouts[0]) == []
    assert word(secret) == "somebody's"


def test_a_link_is_no_file_of_a_warehouse(place: Place, tmp_path: Path):
    other = database(tmp_path / "other.duckdb", "somebody's")
    place.at(0).parent.mkdir()
    place.at(0).symlink_to(other)
    assert place.warehouse().adopt(FILE, place.checkouts[0]) == []
    assert not place.warehouse().place(FILE).exists()


def test_databases_survive_the_eviction_of_their_checkout(place: Place):
    """Retention deleted the warehouse with the checkout of an old commit."""
    checkout = place.checkouts[0]
    database(place.at(0, "deep/other.name"), "data")
    place.at(0, "large.csv").write_text("x" * 10_000, encoding="utf-8")
    rescue(place.project, place.state, checkout)
    found = place.state.found_warehouses("shop", checkout.root.name)
    assert [each for each in found.rglob("*") if each.is_file()] == [
        found / "dbt" / "deep" / "other.name"
    ]
    assert word(found / "dbt" / "deep" / "other.name") == "data"


def connected_for_a_pull_request(
    place: Place, output: dict[str, Any], *, deployed: dict[str, Any] | None = None
) -> Connection:
    """The connection of a pull request with `output`, where trusted code has `deployed`."""
    known = output if deployed is None else deployed
    project = place.checkouts[0].tree / "dbt"
    stranger = Stranger(
        name="pull-request-1-2",
        rules=PullRequestRules(),
        trusted=trusted(known, Rendering({}), place.warehouse(), is_ours=False, passed=()),
        copies=place.state.root / "copies",
        base=place.checkouts[0],
        package_mirrors=place.state.root / "mirrors",
    )
    return connected(
        output,
        Rendering({}),
        place.warehouse(),
        place.checkouts[0],
        project=project,
        profiles=project,
        stranger=stranger,
    )


def test_a_pull_request_attaches_copies_also_to_a_database_in_memory(place: Place):
    """With `:memory:`, what was attached by a relative path was production's own file."""
    output = {"type": "duckdb", "path": ":memory:", "attach": [{"path": "raw.duckdb"}]}
    made = connected_for_a_pull_request(place, output)
    copy = place.state.root / "copies" / "attach-0" / "raw.duckdb"
    assert made.output["path"] == ":memory:"
    assert made.output["attach"] == [{"path": str(copy)}]
    assert [each.source for each in made.copies] == [place.state.warehouses("prod") / "raw.duckdb"]


@pytest.mark.parametrize("is_link", [True, False])
def test_what_a_pull_request_has_left_is_not_in_the_way_of_its_directories(
    place: Place, tmp_path: Path, *, is_link: bool
):
    """Its next runs failed before dbt, or made directories where a link led."""
    outside, copies = tmp_path / "outside", place.state.root / "copies"
    outside.mkdir()
    copies.mkdir(parents=True)
    for name in ("own", "external"):
        if is_link:
            (copies / name).symlink_to(outside)
        else:
            (copies / name).touch()
    output = {
        "type": "duckdb",
        "path": ":memory:",
        "attach": [{"path": "new/raw.duckdb"}],
        "external_root": "files",
    }
    deployed = {**output, "attach": []}
    made = connected_for_a_pull_request(place, output, deployed=deployed)
    own = copies / "own" / "new"
    assert (made.copies[0].source.parent, made.output["external_root"]) == (
        own,
        str(copies / "external"),
    )
    assert not any(each.is_symlink() for each in (copies / "own", own, copies / "external"))
    assert own.is_dir()
    assert not list(outside.iterdir())


@pytest.mark.parametrize("scheme", ["", "duckdb:", "ducklake:", "ducklake:sqlite:"])
def test_a_pull_request_only_reads_what_is_attached_by_an_absolute_path(
    place: Place, tmp_path: Path, scheme: str
):
    """Behind a scheme, dbt asked to write it, and the kernel refused the whole build."""
    (tmp_path / "other.db").touch()
    attached = {"path": f"{scheme}{tmp_path / 'other.db'}", "alias": "other"}
    output = {"type": "duckdb", "path": "shop.duckdb", "attach": [attached]}
    made = connected_for_a_pull_request(place, output)
    assert made.output["attach"] == [{**attached, "read_only": True}]
