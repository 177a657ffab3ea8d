"""Deployments of generated projects, of any size, and what their processes cost."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import generate
from asking import peak_megabytes
from measure import Command, cpu_of_children, run

from deploy_project.config.environment import CONFIG, STATE, inherited

_PRODUCT = Path(__file__).parents[1]
_PROGRAMS = Path(sys.executable).parent
_IDENTITY = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
_OFTEN = 0.02  # seconds


@dataclass(frozen=True)
class Spent:
    """What one process has cost, those that it has started included but for the memory."""

    wall: float
    cpu: float
    peak: float
    """The most MiB that it has had itself, by the kernel's own mark (`VmHWM`)."""


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
    def repository(self) -> Path:
        """The git repository that is deployed."""
        return self.root / "repository"

    @property
    def variables(self) -> dict[str, str]:
        """Those of all its processes; Python may keep its bytecode."""
        kept = {k: v for k, v in inherited().items() if k != "PYTHONDONTWRITEBYTECODE"}
        return {
            **kept,
            CONFIG: str(self.root / "deploy.yaml"),
            STATE: str(self.root / "state"),
            "DAGSTER_HOME": str(self.home),
        }

    def prepare(self, *, tests: int = 0) -> None:
        """Generate the project and its deployment, and deploy the head to all environments."""
        generate.write(generate.project_files(self.models, tests=tests), self.repository)
        self.git("init", "--quiet", "--initial-branch", "main")
        self.commit("Begin")
        files = generate.deployment_files(
            self.repository, environments=self.environments, jobs=self.jobs
        )
        generate.write(files, self.root)
        for directory in (self.home, self.root / "state"):
            directory.mkdir()
        shutil.copy(_PRODUCT / "dagster.yaml", self.home)
        run(self._command("deploy-project", "deploy", "bench"))
        deployed = self.root / "state" / "deployed"
        for number in range(1, self.environments):  # parsing once is enough for what is measured
            shutil.copy(deployed / "bench", deployed / f"bench_{number}")

    def load(self) -> Spent:
        """Load the definitions once, as Dagster's own command does it."""
        return spent(
            self._command("dagster", "definitions", "validate", "-m", "deploy_project.definitions")
        )

    def execute(self, job: str, tags: str = "{}") -> Spent:
        """Run `job` to its end in a process of its own; `tags` are JSON."""
        command = ("dagster", "job", "execute", "-m", "deploy_project.definitions")
        return spent(self._command(*command, "-j", job, "--tags", tags))

    def git(self, *arguments: str) -> str:
        """Run a git command in the repository and return what it has printed."""
        done = subprocess.run(
            ["git", *_IDENTITY, "-c", "commit.gpgsign=false", *arguments],
            cwd=self.repository,
            env=self.variables,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        """Commit all files and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def _command(self, program: str, *arguments: str) -> Command:
        return Command((str(_PROGRAMS / program), *arguments), self.home, self.variables)


def spent(command: Command) -> Spent:
    """Run `command` to its end and return what it has cost; end this program when it fails."""
    log = command.directory / "bench.log"
    begun, cpu, peak = time.perf_counter(), cpu_of_children(), 0.0
    process = _started(command.arguments, command.directory, command.variables, log)
    try:
        while process.poll() is None:
            peak = max(peak, peak_megabytes(process.pid))
            time.sleep(_OFTEN)
    except BaseException:
        process.terminate()
        process.wait()
        raise
    wall = time.perf_counter() - begun
    if process.returncode != 0:
        end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:])
        raise SystemExit(f"`{' '.join(command.arguments)}` failed:\n{end}")
    return Spent(wall, cpu_of_children() - cpu, peak)


def _started(
    arguments: tuple[str, ...], directory: Path, variables: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            arguments,
            cwd=directory,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def machine() -> str:
    """Return what the figures depend on beside this software."""
    return f"{os.cpu_count()} cores with a load of {os.getloadavg()[0]:.1f} before"
