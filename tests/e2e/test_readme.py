"""What README.md says, done as a newcomer does it: in a fresh clone of the last commit."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.example.remote import make_remote
from deploy_project.git.command import git
from tests.support.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
QUICK_START, WITH_UV, OTHERWISE, OWN_PROJECT, *_ = [
    text for language, text in BLOCKS if language == "sh"
]
EXAMPLE = next(text for language, text in BLOCKS if language == "yaml")


@dataclass(frozen=True)
class Newcomer:
    """Somebody with a shell, and no virtual environment but the clone's."""

    place: Path

    @property
    def clone(self) -> Path:
        return self.place / "deploy_project"

    def run(self, command: str, *, cwd: Path) -> str:
        """Return all that `command` prints."""
        ours = re.compile(r"(DEPLOY_|DAGSTER_|DBT_|GIT_|VIRTUAL_ENV|PYTHON|PYTEST|MAKE|MFLAGS)")
        environment = {name: value for name, value in os.environ.items() if not ours.match(name)}
        paths = [p for p in environment["PATH"].split(":") if not Path(p).is_relative_to(ROOT)]
        environment["PATH"] = ":".join([str(self.clone / ".venv" / "bin"), *paths])
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, f"`{command}` failed ({done.returncode}):\n{done.stdout}"
        return done.stdout


def commands(block: str) -> list[str]:
    """The commands of a block, without the remarks beside them."""
    return [line.partition("  #")[0].rstrip() for line in block.splitlines() if line.strip()]


def promised(pattern: str) -> tuple[str, ...]:
    """What README.md promises where `pattern` stands in it."""
    found = re.search(pattern, README)
    assert found, f"README.md no longer says {pattern!r}: change this test with it"
    return found.groups()


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    """Somebody who has done the first line of the README."""
    place = tmp_path_factory.mktemp("newcomer")
    published = tmp_path_factory.mktemp("published") / "deploy_project"
    published.symlink_to(ROOT)
    cloning, *_ = commands(QUICK_START)
    assert cloning == "git clone <this repository> && cd deploy_project"
    newcomer = Newcomer(place)
    newcomer.run(cloning.replace("<this repository>", str(published)), cwd=place)
    return newcomer


@pytest.fixture(scope="module")
def demo(newcomer: Newcomer) -> str:
    """What the first `make demo` prints."""
    command = commands(QUICK_START)[1]
    assert command == "make demo"
    return newcomer.run(command, cwd=newcomer.clone)


def built(printed: str) -> str:
    """The line of a demo's output that says what it has built."""
    found = re.search(r"^Built production at commit .*$", printed, re.MULTILINE)
    assert found, printed
    return found[0]


@pytest.mark.e2e
@pytest.mark.slow
def test_the_demo_shows_what_is_promised(newcomer: Newcomer, demo: str):
    number, named = promised(r"- (\d+) steps as on dbt Cloud: (.+);\n")
    seen = re.findall(r"^=== Step \d+ of (\d+): (.+)$", demo, re.MULTILINE)
    assert [total for total, _ in seen] == [number] * int(number), demo
    for (_, step), name in zip(seen, named.split(", "), strict=True):
        assert name.strip("`") in step.lower(), f"README.md promises the steps {named}"

    nodes, tests, warned, stale = promised(
        r"- (.+) built, (\d+) tests passed but for (\w+) with a warning, (\w+) source that is a bit"
    )
    counts = f"{nodes.replace(' and ', ', ')}; {tests} tests, 1 with a warning."
    assert built(demo).endswith(f": {counts}")
    assert (warned, stale) == ("one", "one")
    assert len(re.findall(r" WARN freshness of ", demo)) == 1

    (place,) = promised(r"the docs site, and each step's logs and artifacts, under `(.+)`")
    artifacts = newcomer.clone / place
    assert len(list(artifacts.glob("**/docs/*/index.html"))) == 1
    assert len(list(artifacts.glob("runs/*/*/console.log"))) == int(number)


@pytest.mark.e2e
@pytest.mark.slow
def test_a_second_demo_installs_nothing_and_harms_nothing(newcomer: Newcomer, demo: str):
    installed = newcomer.clone / ".venv" / "bin" / ".installed"
    before = installed.stat().st_mtime_ns
    again = newcomer.run("make demo", cwd=newcomer.clone)
    assert built(again) == built(demo)
    assert installed.stat().st_mtime_ns == before
    assert newcomer.run("git status --porcelain", cwd=newcomer.clone) == ""
    runs = newcomer.run("deploy-project runs", cwd=newcomer.clone)
    assert len(re.findall("production__daily", runs)) == 2


@pytest.mark.e2e
@pytest.mark.slow
def test_what_the_demo_shows_is_there_and_its_commands_work(newcomer: Newcomer, demo: str):
    """They push commits, so they come after the second demo."""
    told = demo[demo.index("\nBuilt production at commit ") :]
    assert "14 models, 3 seeds, 1 snapshot; 65 tests, 1 with a warning." in told
    for line in told.splitlines():
        label, _, path = line.strip().partition(" ")
        if label in ("Warehouse", "Docs", "Artifacts", "Messages"):
            assert (newcomer.clone / path.strip()).exists()
    shown = [each.read_text("utf-8") for each in newcomer.clone.glob(".deploy/messages/*.html")]
    assert any("production__daily succeeded with warnings" in each for each in shown)

    remote = make_remote(StateDirectory(newcomer.clone / ".deploy"))
    before = git("rev-list", "--count", "refs/heads/main", cwd=remote)
    for command in [line for line in told.splitlines() if line.startswith(("  echo", "  git"))]:
        newcomer.run(command, cwd=newcomer.clone)
    assert git("rev-list", "--count", "refs/heads/main", cwd=remote) == str(int(before) + 3)


@pytest.mark.e2e
@pytest.mark.slow
def test_a_deployment_of_ones_own_is_begun_as_told(newcomer: Newcomer, demo: str, tmp_path: Path):
    init, check, dev = commands(OWN_PROJECT)
    assert (check, dev) == ("deploy-project check", "deploy-project dev")
    newcomer.run(init, cwd=tmp_path)
    newcomer.run(check, cwd=tmp_path)

    deploy, jobs = EXAMPLE.split("# jobs.yml\n")
    (tmp_path / "deploy.yaml").write_text(deploy, encoding="utf-8")
    (tmp_path / "jobs.yml").write_text(jobs, encoding="utf-8")
    said = newcomer.run(f"GIT_TOKEN=any {check}", cwd=tmp_path)
    assert "production__daily" in said


@pytest.mark.e2e
@pytest.mark.slow
def test_it_is_installed_from_a_wheel_as_told(newcomer: Newcomer, demo: str, tmp_path: Path):
    """Into an environment that has what it needs, for that takes minutes to install."""
    build, with_uv = commands(WITH_UV)
    newcomer.run(build, cwd=newcomer.clone)
    (wheel,) = (newcomer.clone / "dist").glob("*.whl")
    assert f"'dist/{wheel.name}[tls]'" in with_uv
    assert f"'dist/{wheel.name}[tls]'" in commands(OTHERWISE)[-1]
    newcomer.run(f"python3 -m venv {tmp_path}/own", cwd=tmp_path)
    uv = f"uv pip install --quiet --no-deps --python {tmp_path}/own/bin/python"
    newcomer.run(f"{uv} {wheel}", cwd=tmp_path)
    listed = newcomer.run("find own -name deploy-project -o -name py.typed", cwd=tmp_path)
    assert "own/bin/deploy-project" in listed


@pytest.mark.e2e
def test_the_tests_are_run_as_told(newcomer: Newcomer):
    """`make test` itself would run this test again, so this looks at what it would do."""
    command = commands(QUICK_START)[2]
    assert command == "make test"
    would = newcomer.run(f"{command} --dry-run", cwd=newcomer.clone)
    all_of_it = ".venv/bin/pytest -n 4 --dist loadgroup --no-loadscope-reorder"
    assert would.splitlines()[-1] == all_of_it, "nothing deselected"


@pytest.mark.e2e
def test_the_pull_request_is_told_by_one_command(newcomer: Newcomer):
    """tests/example/demo/test_production.py runs it from nothing, with the numbers promised."""
    *_, command = commands(QUICK_START)
    assert command == "make demo-pr"
    would = newcomer.run(f"{command} --dry-run", cwd=newcomer.clone)
    assert would.splitlines()[-1] == ".venv/bin/deploy-project demo-pr"
