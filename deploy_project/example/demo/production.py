"""`deploy-project demo`: one production run of the embedded example, and where to look."""

import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from deploy_project.config.environment import Settings
from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import ArtifactError
from deploy_project.example.demo.runs import example, executed, near, told
from deploy_project.example.remote import working_copy
from deploy_project.runs.model import run_facts
from deploy_project.runs.model.run_facts import NodeFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.store.artifacts import Artifacts

JOB = "production__daily"
_BUILT = ("model", "seed", "snapshot")
_TESTS = ("test", "unit_test")


def demo() -> int:
    """Run the example's daily job here and now; return 1 when it fails."""
    found, deployment = example()
    done = production(found, deployment)
    if not done:
        return 1
    print(_farewell(done, url=deployment.dagster_url, copy=near(working_copy(found.state))))
    return 0


def production(found: Settings, deployment: Deployment) -> list[str]:
    """Build production, and return lines on the results; none when the run fails."""
    run = executed(JOB)
    told(found, deployment)
    artifacts = Artifacts.of(deployment, found.state)
    if run.status is not Status.SUCCESS:
        print(f"\nThe run ended with {run.status}; its artifacts are in {artifacts.run(run.id)}")
        return []
    facts = run_facts.kept(artifacts, run.id)
    if facts is None:
        raise ArtifactError(f"run {run.id} has left no facts in {artifacts.run(run.id)}")
    built = counted(facts.nodes)
    docs = artifacts.published(artifacts.environment("production"), "docs")
    return [
        f"Built production at commit {run.commit[:7]}: {built}.",
        f"  Run        {run.id}",
        f"  Warehouse  {near(found.state.root / 'production.duckdb')}",
        f"  Docs       {near(docs) if docs else 'none'}",
        f"  Artifacts  {near(artifacts.run(run.id))}",
        f"  Messages   {near(found.state.root / 'messages')}",
    ]


def counted(nodes: Iterable[NodeFacts]) -> str:
    """Return the numbers of nodes that a run has built, and of its tests, in words."""
    statuses = [(each.unique_id.partition(".")[0], each.status) for each in nodes]
    count = Counter(kind for kind, _ in statuses)
    built = [f"{count[kind]} {kind}{'' if count[kind] == 1 else 's'}" for kind in _BUILT]
    tested = [status for kind, status in statuses if kind in _TESTS]
    warned = f", {tested.count('warn')} with a warning" if "warn" in tested else ""
    return f"{', '.join(built)}; {len(tested)} tests{warned}"


def _farewell(done: list[str], *, url: str, copy: str) -> str:
    ours = near(Path(sys.argv[0]).absolute())
    return "\n".join(
        [
            "",
            *done,
            "",
            f"See lineage, jobs, schedules and the run's overview on {url}:",
            "  make dev",
            "It serves the docs, too, on http://127.0.0.1:3001/docs/production/. By themselves:",
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


def act(_: Namespace) -> int:
    """Carry out `demo` as it was given on the command line; return the exit code."""
    return demo()
