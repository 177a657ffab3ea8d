"""`deploy-project demo-pr`: a pull request of the example, from its opening to the clean-up."""

from argparse import Namespace
from pathlib import Path

from deploy_project.cli.table import table
from deploy_project.config.environment import Settings
from deploy_project.config.values.deployment import Deployment
from deploy_project.dbt.project.schemas import pull_request_schema
from deploy_project.example.demo.production import production
from deploy_project.example.demo.runs import example, near
from deploy_project.example.demo.sensors import Sensors, sensors
from deploy_project.example.pull_request import ExamplePullRequest, follow, merge, open_pull_request
from deploy_project.example.remote import working_copy
from deploy_project.example.warehouse import rows
from deploy_project.orchestration.triggers.clean_up import job_name
from deploy_project.runs.instance import history
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.store.artifacts import COMMENT, Artifacts

ENVIRONMENT, SCHEMA, WAREHOUSE = "production", "shop", "production.duckdb"
CHECKS, ON_MERGE, SWEEP = "production__checks", "production__on_merge", job_name(ENVIRONMENT)
_RULE = "─" * 72


def demo_pr() -> int:
    """Open a pull request, check, merge and clean up; return 1 as soon as a run fails."""
    found, deployment = example()
    if not _is_built(found, deployment):
        say("There is no production yet to compare a pull request with: building it")
        if not production(found, deployment):
            return 1
    with history.opened() as instance:
        return Story(found, deployment, sensors(found, deployment, instance, say)).told()


def _is_built(found: Settings, deployment: Deployment) -> bool:
    artifacts = Artifacts.of(deployment, found.state)
    state = artifacts.published(artifacts.environment(ENVIRONMENT), "state")
    return state is not None and (found.state.root / WAREHOUSE).is_file()


def say(text: str) -> None:
    """Print a heading for the next step."""
    print(f"\n▸ {text}", flush=True)


class Story:
    """One pull request, from its opening to the clean-up."""

    def __init__(self, found: Settings, deployment: Deployment, sensors: Sensors) -> None:
        self._state, self._sensors = found.state, sensors
        self._deployment, self._artifacts = deployment, Artifacts.of(deployment, found.state)
        self._production = found.state.root / WAREHOUSE
        self._before = rows(self._production, SCHEMA)

    def told(self) -> int:
        """Open, check, merge and clean up; return 1 as soon as a run fails."""
        pull = open_pull_request(self._state)
        say(f"Opened pull request {pull.number}: {pull.title}")
        print(f"{pull.stat}\n Branch {pull.branch} at {pull.head[:7]}, pushed to the remote")
        return self._checked(pull) or self._merged(pull) or self._swept(pull)

    def _checked(self, pull: ExamplePullRequest) -> int:
        run = self._sensors.run("shop_pull_requests", CHECKS)
        file = self._artifacts.run(run.id) / COMMENT
        if file.exists():
            say(f"A hosting site would get this comment, which is kept in {near(file)}")
            print(f"{_RULE}\n{file.read_text(encoding='utf-8')}{_RULE}")
        if _failed(run):
            return 1
        schema = pull_request_schema(self._checks, pull.number)
        say(f"Built in a copy of production, in schemas that begin with {schema}")
        print(f"  {near(self._copy(pull))}")
        here = rows(self._copy(pull), schema)
        print(self._compared(f"pull request {pull.number}", here))
        if rows(self._production, SCHEMA) == self._before:
            print("Production is as it was.")
        return 0

    def _merged(self, pull: ExamplePullRequest) -> int:
        commit = merge(pull, self._state)
        say(f"Merged pull request {pull.number} into main, which is at {commit[:7]} now")
        if _failed(self._sensors.run("shop_merges", ON_MERGE)):
            return 1
        say("The merge has brought production up to date")
        now = rows(self._production, SCHEMA)
        changed = {name: count for name, count in now.items() if count != self._before.get(name)}
        print(self._compared("production now", changed))
        return 0

    def _swept(self, pull: ExamplePullRequest) -> int:
        copy = self._copy(pull)
        if _failed(self._sensors.run("shop_pull_requests", SWEEP)) or copy.exists():
            return 1
        say(f"Cleaned up after pull request {pull.number}; this is gone:\n  {near(copy)}")
        print(self._farewell(pull.number + 1, is_current=follow(self._state)))
        return 0

    def _farewell(self, number: int, *, is_current: bool) -> str:
        mine = near(working_copy(self._state))
        pull = [f"What you have changed in {mine} is behind:", f"  git -C {mine} pull --rebase"]
        return "\n".join(
            [
                "",
                f"See the runs and their records on {self._deployment.dagster_url}:",
                "  make dev",
                *([] if is_current else pull),
                "While it runs, open a pull request of your own:",
                f"  echo '-- changed' >> {mine}/models/marts/core/orders.sql",
                f"  git -C {mine} commit --all --message 'Change orders'",
                f"  git -C {mine} push origin HEAD:pr/{number}",
                "And merge it:",
                f"  git -C {mine} push",
            ]
        )

    @property
    def _checks(self) -> int:
        return self._deployment.jobs[CHECKS].id

    def _copy(self, pull: ExamplePullRequest) -> Path:
        place = self._state.pull_request(ENVIRONMENT, self._checks, pull.number)
        return place / self._production.name

    def _compared(self, title: str, found: dict[str, int]) -> str:
        """Return a table of the row counts `found`, beside those of production before."""
        known = {name: str(count) for name, count in self._before.items()}
        return table(
            ("rows of", "production before", title),
            [(name, known.get(name, "none"), str(count)) for name, count in found.items()],
        )


def _failed(run: PastRun) -> bool:
    if run.status is not Status.SUCCESS:
        print(f"\nThe run of {run.job} ended with {run.status}: {run.id}")
    return run.status is not Status.SUCCESS


def act(_: Namespace) -> int:
    """Carry out `demo-pr` as it was given on the command line; return the exit code."""
    return demo_pr()
