"""`deploy-project ci sweep`: drops the schemas of closed pull requests, or lists them."""

import sys
from argparse import Namespace
from datetime import UTC, datetime

from deploy_project.ci.cleanup.cleanup import Cleanup, Sweep, Swept
from deploy_project.ci.cleanup.report import sweep_rows
from deploy_project.ci.cleanup.warehouse import told
from deploy_project.ci.pulls.finders import finders
from deploy_project.cli.context import loaded
from deploy_project.cli.table import printable, table
from deploy_project.config.values.named import named_environments
from deploy_project.runs.instance import history
from deploy_project.runs.instance.progress import in_progress


def sweep(environment: str | None, *, dry_run: bool) -> int:
    """Sweep one environment or all of them; return 1 when something could not be dropped.

    Runs that are in progress are not waited for.
    """
    found, deployment = loaded()
    wanted = named_environments(deployment, [environment] if environment is not None else [])
    ask = finders(deployment, found.state)
    problems = 0
    with history.opened() as instance:
        for each in wanted:
            cleanup = Cleanup(deployment, each, found.state, lambda _: None)
            busy = in_progress(instance, each.name, found.state)
            plan = cleanup.plan(ask, busy, now=datetime.now(UTC))
            swept = cleanup.carry_out(plan, dry=dry_run)
            print(f"{each.name}: {_told(plan, swept, dry_run=dry_run)}", flush=True)
            for problem in swept.problems:
                print(f"{each.name}: {problem}", file=sys.stderr)
            problems += len(swept.problems)
    return 1 if problems else 0


def _told(plan: Sweep, swept: Swept, *, dry_run: bool) -> str:
    """Return the decisions and the drops in one environment, as text."""
    rows = sweep_rows(plan)
    if not rows:
        return "pull requests have left nothing here"
    due = sum(what == "drop" for what, *_ in rows)
    done = f"{due} to drop, nothing was changed" if dry_run else f"dropped {len(swept.dropped)}"
    lines = [done, table(("what", "schema", "why"), rows)]
    if plan.outage:
        lines.append(f"Only age counts: {plan.outage}")
    for stray in swept.strays:
        lines.append(f"Not ours, so left alone: {printable(told(stray))}")
    return "\n".join(lines)


def act(given: Namespace) -> int:
    """Carry out `ci sweep` as it was given on the command line; return the exit code."""
    return sweep(given.environment, dry_run=given.dry_run)
