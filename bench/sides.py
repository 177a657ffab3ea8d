"""The two sides of the comparison, each with its own directories, on one generated project."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import generate
from measure import Command, Failed, cost, run
from report import Cost

from deploy_project.config.environment import CONFIG, STATE, inherited

_PRODUCT = Path(__file__).parents[1]
_PROGRAMS = Path(sys.executable).parent
_IDENTITY = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")


def variables(**more: str) -> dict[str, str]:
    """Return what every process of both sides gets, and `more`.

    Containers forbid Python to keep what it has compiled; the imports of the side that the image
    has not compiled beforehand would then be measured twice as long.
    """
    kept = {k: v for k, v in inherited().items() if k != "PYTHONDONTWRITEBYTECODE"}
    return kept | more


@dataclass(frozen=True)
class Sides:
    """Bare dbt and a deployment, both of the repository in `root`, which has `models` models."""

    root: Path
    models: int

    def prepare(self, *, tests: int) -> None:
        """Generate the repository, a clone for bare dbt, and the deployment."""
        files = generate.project_files(self.models, tests=tests)
        generate.write(files, self._repository)
        run(self._git("init", "--quiet", "--initial-branch", "main"))
        self._commit("Begin")
        run(self.clone(self.root / "bare"))
        generate.write(generate.deployment_files(self._repository), self.root)
        for name in ("bare-state", "state", "instance"):
            (self.root / name).mkdir()
        shutil.copy(_PRODUCT / "dagster.yaml", self.root / "instance")

    def change(self, number: int) -> None:
        """Commit a change to one model, a different one for each number."""
        file = self._repository / generate.model_file(number % self.models)
        with file.open("a", encoding="utf-8") as stream:
            stream.write(f"-- change {number}\n")
        self._commit(f"Change {number}")

    def warm_up(self, *, builds: bool) -> None:
        """Let both sides do what only a first run does; they build, or only parse and deploy."""
        if builds:
            self.warm_bare()
            self.ours()
        else:
            run(self._dbt("parse", directory=self.root / "bare"))
            deploy = (str(_PROGRAMS / "deploy-project"), "deploy", generate.ENVIRONMENT)
            run(Command(deploy, self.root / "instance", self._ours))

    def warm_bare(self) -> Cost:
        """`dbt build` in a directory that dbt has parsed before."""
        return self.measured("bare-state", self._dbt("build", directory=self.root / "bare"))

    def fresh_bare(self) -> Cost:
        """`git clone`, `dbt deps` and `dbt build` of the head, with nothing parsed before."""
        clone = self.root / "fresh"
        try:
            return self.measured(
                "bare-state",
                self.clone(clone),
                self._dbt("deps", directory=clone),
                self._dbt("build", directory=clone),
            )
        finally:
            shutil.rmtree(clone, ignore_errors=True)

    def ours(self) -> Cost:
        """A whole run of the deployment's job, at the head of its branch."""
        dagster = str(_PROGRAMS / "dagster")
        job = ("job", "execute", "-m", "deploy_project.definitions", "-j", generate.JOB)
        return self.measured("state", Command((dagster, *job), self.root / "instance", self._ours))

    def measured(self, state: str, *commands: Command, limit: float | None = None) -> Cost:
        """Measure `commands` on a fresh DuckDB file; dbt is slower over views that exist."""
        database = self.root / state / generate.DATABASE
        database.unlink(missing_ok=True)
        found = cost(*commands, limit=limit)
        if not database.exists():
            raise Failed(f"{database} was not made")
        with duckdb.connect(str(database), read_only=True) as connection:
            (views,) = connection.execute(
                "select count(*) from duckdb_views() where not internal"
            ).fetchall()[0]
        if views != self.models:  # what builds less is not faster
            raise Failed(f"{database} has {views} views, wanted {self.models}")
        return found

    def clone(self, directory: Path) -> Command:
        """Return the command that clones the repository."""
        return self._git("clone", "--quiet", str(self._repository), str(directory))

    @property
    def _ours(self) -> dict[str, str]:
        return variables(
            **{CONFIG: str(self.root / "deploy.yaml"), STATE: str(self.root / "state")}
        )

    @property
    def _repository(self) -> Path:
        return self.root / "repository"

    def _dbt(self, command: str, *, directory: Path) -> Command:
        places = {STATE: str(self.root / "bare-state")}
        given = variables(**places, DBT_SEND_ANONYMOUS_USAGE_STATS="false")
        return Command((str(_PROGRAMS / "dbt"), command), directory, given)

    def _git(self, *arguments: str) -> Command:
        return Command(("git", *arguments), self._repository, variables())

    def _commit(self, message: str) -> None:
        run(self._git("add", "--all"))
        signing = ("-c", "commit.gpgsign=false")
        run(self._git(*_IDENTITY, *signing, "commit", "--quiet", "--message", message))
