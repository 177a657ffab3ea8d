"""Makes deployments of generated dbt projects, of any size."""

import shutil
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import generate
from bench.measure import Command, Spent, run, spent
from bench.repositories import Repository
from bench.session import tell
from deploy_project.config.environment import CONFIG, STATE, inherited

PROGRAMS = Path(sys.executable).parent
"""The directory of the programs that are measured."""
_SETTINGS = Path(__file__).parents[1] / "dagster.yaml"


def variables(**more: str) -> dict[str, str]:
    """Return the environment variables of every process of both sides, and `more`.

    Containers forbid Python to keep what it has compiled; the imports of the side that the image
    has not compiled beforehand would then be measured twice as long.
    """
    kept = {k: v for k, v in inherited().items() if k != "PYTHONDONTWRITEBYTECODE"}
    return kept | more


@dataclass(frozen=True)
class Deployed:
    """A deployment in `root`, of a generated project of `models` models."""

    root: Path
    models: int
    environments: int = 1
    jobs: int = 1

    @property
    def home(self) -> Path:
        """The directory that Dagster is started in."""
        return self.root / "instance"

    @property
    def database(self) -> Path:
        """The DuckDB file of production."""
        return self.root / "state" / generate.DATABASE

    @property
    def repository(self) -> Repository:
        """The git repository that is deployed."""
        return Repository(self.root / "repository")

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of all its processes."""
        places = {CONFIG: self.root / "deploy.yaml", STATE: self.root / "state"}
        return variables(
            **{name: str(place) for name, place in places.items()}, DAGSTER_HOME=str(self.home)
        )

    def write(self, *, tests: int = 0, rounds: int = 0) -> None:
        """Generate the repository and the deployment, without deploying anything yet."""
        self.write_files(generate.project_files(self.models, tests=tests, rounds=rounds))

    def write_files(
        self, files: Mapping[str, str], *, job: Mapping[str, object] | None = None
    ) -> None:
        """Make the repository of `files`, and the deployment; `job` has keys of its first job."""
        generate.write(files, self.repository.path)
        self.repository.begin()
        settings = generate.deployment_files(
            self.repository.path, environments=self.environments, jobs=self.jobs, first=job
        )
        generate.write(settings, self.root)
        for directory in (self.home, self.root / "state"):
            directory.mkdir()
        shutil.copy(_SETTINGS, self.home)

    def deploy(self) -> None:
        """Deploy the head to all environments."""
        first, *others = generate.environment_names(self.environments)
        run(self.deploying(first))
        pointers = self.root / "state" / "deployed"
        for name in others:  # parsing once is enough for what is measured
            shutil.copy(pointers / first, pointers / name)

    def deploying(self, environment: str = generate.ENVIRONMENT) -> Command:
        """Return the command that deploys the head to one environment."""
        return self._command("deploy-project", "deploy", environment)

    def change(self, model: int, number: int) -> None:
        """Add a line to a model's file, a different one for each number, and don't commit it."""
        file = self.repository.path / generate.model_file(model)
        with file.open("a", encoding="utf-8") as stream:
            stream.write(f"-- change {number}\n")

    def load(self) -> Spent:
        """Load the definitions once, as Dagster's own command does it."""
        return spent(
            self._command("dagster", "definitions", "validate", "-m", "deploy_project.definitions")
        )

    def execution(self, job: str, tags: str = "{}") -> Command:
        """Return the command that runs `job` in a process of its own; `tags` are JSON."""
        command = ("dagster", "job", "execute", "-m", "deploy_project.definitions")
        return self._command(*command, "-j", job, "--tags", tags)

    def _command(self, program: str, *arguments: str) -> Command:
        return Command((str(PROGRAMS / program), *arguments), self.home, self.variables)


@contextmanager
def deployed(models: int, *, environments: int = 1, jobs: int = 1) -> Generator[Deployed]:
    """Deploy a project of that size in a temporary directory, which goes with it."""
    with tempfile.TemporaryDirectory(prefix="deploy-bench-") as directory:
        made = Deployed(Path(directory), models, environments, jobs)
        tell(f"{models:,} models, {environments} environment(s), {jobs} jobs: preparing")
        made.write()
        made.deploy()
        yield made
