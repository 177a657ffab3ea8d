"""The two sides of the comparison, each with its own directories, on one generated project."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bench import generate
from bench.deployments import PROGRAMS, Deployed, variables
from bench.measure import Command, Failed, cost, run
from bench.report import LARGE, Cost
from deploy_project.config.environment import STATE


@dataclass(frozen=True)
class Sides:
    """Bare dbt and a deployment, both of the repository in `root`, which has `models` models."""

    root: Path
    models: int

    @property
    def deployed(self) -> Deployed:
        """The side that is ours."""
        return Deployed(self.root, self.models)

    def prepare(self, *, tests: int, rounds: int = 0) -> None:
        """Generate the repository, a clone for bare dbt, and the deployment."""
        self.deployed.write(tests=tests, rounds=rounds)
        run(self.clone(self.root / "bare"))
        (self.root / "bare-state").mkdir()

    def change(self, number: int) -> None:
        """Commit a change to one model, a different one for each number."""
        self.deployed.change(number % self.models, number)
        self.deployed.repository.commit(f"Change {number}")

    def warm_up(self) -> None:
        """Let both sides do the work of a first run; large ones only parse and deploy."""
        if self.models < LARGE:
            self.warm_bare()
            self.ours()
        else:
            run(self.dbt("parse", directory=self.root / "bare"))
            self.deployed.deploy()

    def warm_bare(self) -> Cost:
        """`dbt build` in a directory that dbt has parsed before."""
        return self.measured("bare-state", self.dbt("build", directory=self.root / "bare"))

    def fresh_bare(self) -> Cost:
        """`git clone`, `dbt deps` and `dbt build` of the head, with nothing parsed before."""
        clone = self.root / "fresh"
        try:
            return self.measured(
                "bare-state",
                self.clone(clone),
                self.dbt("deps", directory=clone),
                self.dbt("build", directory=clone),
            )
        finally:
            shutil.rmtree(clone, ignore_errors=True)

    def ours(self) -> Cost:
        """A whole run of the deployment's job, at the head of its branch."""
        return self.measured("state", self.deployed.execution(generate.JOB))

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
        if views != self.models:  # a run that builds less is not faster
            raise Failed(f"{database} has {views} views, wanted {self.models}")
        return found

    def clone(self, directory: Path) -> Command:
        """Return the command that clones the repository."""
        source = str(self.deployed.repository.path)
        return Command(("git", "clone", "--quiet", source, str(directory)), self.root, variables())

    def dbt(self, command: str, *, directory: Path) -> Command:
        """Return the command of bare dbt in a clone."""
        places = {STATE: str(self.root / "bare-state")}
        given = variables(**places, DBT_SEND_ANONYMOUS_USAGE_STATS="false")
        return Command((str(PROGRAMS / "dbt"), command), directory, given)
