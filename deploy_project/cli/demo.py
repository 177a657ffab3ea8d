"""`deploy-project demo`: one production run of the embedded example, and where to look."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from upath import UPath

from deploy_project.cli.context import loaded
from deploy_project.config.environment import is_example
from deploy_project.dbt.artifacts import NodeResult, read_run_results
from deploy_project.errors import ArtifactError, ConfigError, LaunchError
from deploy_project.example.remote import make_remote, working_copy
from deploy_project.runs import history
from deploy_project.runs.artifacts import Artifacts
from deploy_project.runs.history import PastRun
from deploy_project.runs.step import from_json

JOB = "production__daily"
_BUILT = ("model", "seed", "snapshot")
_TESTS = ("test", "unit_test")


def demo() -> int:
    """Run the example's daily job here and now; return 1 when it fails."""
    found, deployment = loaded()
    if not is_example(found.config_file):
        raise ConfigError(
            f"the configuration here is {found.config_file}, not the embedded example; go to a "
            "directory without a deploy.yaml, and unset DEPLOY_CONFIG"
        )
    make_remote(found.state)
    copy = working_copy(found.state)
    before = _newest()
    code = _execute()
    run = _newest()
    if run is None or run == before:
        raise LaunchError(f"`dagster job execute` ended with {code} before a run had begun")
    artifacts = Artifacts.of(deployment, found.state)
    if code != 0 or run.status != "Success":
        print(f"\nThe run ended with {run.status}; its artifacts are in {artifacts.run(run.id)}")
        return 1
    built = counted(_results(artifacts.run(run.id)))
    docs = artifacts.published(artifacts.environment("production"), "docs")
    print(
        _farewell(
            [
                f"Built production at commit {run.commit[:7]}: {built}.",
                f"  Run        {run.id}",
                f"  Warehouse  {_near(found.state.root / 'production.duckdb')}",
                f"  Docs       {_near(docs) if docs else 'none'}",
                f"  Artifacts  {_near(artifacts.run(run.id))}",
            ],
            url=deployment.dagster_url,
            copy=_near(copy),
        )
    )
    return 0


def counted(results: Iterable[NodeResult]) -> str:
    """Return what a run has built and tested, in words."""
    statuses = [(each.unique_id.partition(".")[0], each.status) for each in results]
    count = Counter(kind for kind, _ in statuses)
    built = [f"{count[kind]} {kind}{'' if count[kind] == 1 else 's'}" for kind in _BUILT]
    tested = [status for kind, status in statuses if kind in _TESTS]
    warned = f", {tested.count('warn')} with a warning" if "warn" in tested else ""
    return f"{', '.join(built)}; {len(tested)} tests{warned}"


def _newest() -> PastRun | None:
    with history.opened() as instance:
        return next(iter(history.latest(instance, limit=1, job=JOB)), None)


def _execute() -> int:
    """Run the job in a process of its own, as `dagster job execute` does by hand."""
    command = [sys.executable, "-m", "dagster", "job", "execute"]
    with subprocess.Popen([*command, "-m", "deploy_project.definitions", "-j", JOB]) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the child has it too, and ends the run properly
            child.wait()
            raise


def _results(run: UPath) -> Iterator[NodeResult]:
    """Yield the results of all commands of a run."""
    for directory in sorted(run.iterdir(), key=str):
        file = directory / "step.json"
        if not file.exists():
            raise ArtifactError(f"{directory} has no step.json, though its run has ended")
        if from_json(file.read_text(encoding="utf-8"), where=str(file)).kind == "command":
            yield from read_run_results(directory / "target" / "run_results.json").results


def _farewell(done: list[str], *, url: str, copy: str) -> str:
    ours = _near(Path(sys.argv[0]).absolute())
    return "\n".join(
        [
            "",
            *done,
            "",
            f"See lineage, jobs, schedules and the run's overview on {url}:",
            "  make dev",
            "See the docs on http://127.0.0.1:3001/docs/production/:",
            f"  {ours} serve",
            "",
            "While `make dev` runs, push a commit; the merge job builds what it changed:",
            f"  echo '-- changed' >> {copy}/models/marts/core/orders.sql",
            f"  git -C {copy} commit --all --message 'Change orders' && git -C {copy} push",
            "",
            "Break a model; the run fails, and what was there before stays:",
            f"  echo 'oops' >> {copy}/models/marts/core/orders.sql",
            f"  git -C {copy} commit --all --message 'Break orders' && git -C {copy} push",
            "And mend it again:",
            f"  git -C {copy} revert --no-edit HEAD && git -C {copy} push",
        ]
    )


def _near(path: Path | UPath) -> str:
    """Return `path` relative to the working directory when it is below it."""
    local = Path(str(path))
    return str(local.relative_to(Path.cwd()) if local.is_relative_to(Path.cwd()) else path)
