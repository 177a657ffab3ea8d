"""Measures large deployments against promised limits: `make bench-targets`, or `--help`.

It fails only when a command fails, never because something was slow.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from bench import generate
from bench.deployments import Deployed, deployed
from bench.events import delays
from bench.launched import dagster_dev
from bench.measure import Spent, run, spent
from bench.outcomes import Outcome, outcome_table
from bench.session import PAGE, caption, ends_on_sigterm, page, tell, write
from bench.ticking import ticks
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.runs.requests.by_hand import Wish, by_hand

NAME = "targets"
"""Of the markers around its table."""
_GIBIBYTE = 1024.0  # MiB

Part = Callable[[Sequence[int], int], Iterator[Outcome]]
"""Measures one promise at each size, so many times."""


def load(sizes: Sequence[int], times: int) -> Iterator[Outcome]:
    """Load the definitions of one environment and 50 jobs, warm."""
    for models in sizes:
        with deployed(models, jobs=50) as made:
            made.load()
            found = [made.load() for _ in range(times)]
        size = f"{models:,} models, 50 jobs"
        limit = 3 if models <= 1000 else 10
        yield Outcome("load the definitions", size, limit, "s", *_times(found))
        yield Outcome("its memory", size, _GIBIBYTE, "MiB", [each.peak for each in found])


def many(sizes: Sequence[int], times: int) -> Iterator[Outcome]:
    """Load the definitions of ten environments and 200 jobs; `sizes` are of each environment."""
    for models in sizes:
        with deployed(models, environments=10, jobs=200) as made:
            made.load()
            found = [made.load() for _ in range(times)]
        size = f"10 environments of {models:,} models, 200 jobs"
        yield Outcome("load the definitions", size, 10, "s", *_times(found))


def launch(sizes: Sequence[int], times: int) -> Iterator[Outcome]:
    """Launch runs over GraphQL, and cancel each at its first node."""
    for models in sizes:
        with deployed(models, jobs=50) as made, dagster_dev(made) as dagster:
            found = list[float]()
            for _ in range(times + 1):
                made.database.unlink(missing_ok=True)
                found.append(dagster.until_first_node(generate.JOB))
        size = f"{models:,} models, 50 jobs"
        yield Outcome("from the queue to dbt's first node", size, 5, "s", found[1:])


def tick(sizes: Sequence[int], times: int) -> Iterator[Outcome]:
    """Evaluate each sensor while there is nothing to do."""
    for models in sizes:
        with deployed(models, environments=10, jobs=50) as made:
            size = f"10 environments of {models:,} models, 50 jobs"
            for name, found in ticks(made, times=times):
                yield Outcome(f"CPU of a tick of `{name}`", size, 0.3, "s", found)


def slim(sizes: Sequence[int], times: int) -> Iterator[Outcome]:
    """Build everything, then a pull request for each time that changes one last model.

    Either is at a commit that was never seen before.
    """
    for models in sizes:
        with deployed(models, jobs=2) as made:
            made.change(0, 0)
            made.repository.commit("Change 0")
            whole = spent(made.execution(generate.JOB))
            tell(f"all {models:,} models took {whole.wall:.1f} s, {whole.cpu:.1f} s of CPU")
            found = list[Spent]()
            for number in range(1, times + 1):
                tags = _pull_request(made, number)
                found.append(spent(made.execution(generate.CHECKS, tags)))
                tell(f"one of them {found[-1].wall:.1f} s, {found[-1].cpu:.1f} s of CPU")
        share = [100 * each.wall / whole.wall for each in found]
        cpu = [100 * each.cpu / whole.cpu for each in found]
        yield Outcome(
            "a pull request of one model, by all", f"{models:,} models", 25, "%", share, cpu
        )


def live(sizes: Sequence[int], times: int) -> Iterator[Outcome]:
    """Build everything, and measure the delay of the latest event after its model."""
    for models in sizes:
        found = list[float]()
        with deployed(models) as made:
            for _ in range(times):
                made.database.unlink(missing_ok=True)
                run(made.execution(generate.JOB))
                found.append(max(delays(made)))
        yield Outcome("the latest event after its model", f"{models:,} models", 2, "s", found)


def memory(sizes: Sequence[int], times: int) -> Iterator[Outcome]:
    """Build everything, and look at the process of the run beside dbt's."""
    for models in sizes:
        found = list[float]()
        with deployed(models, jobs=50) as made:
            for _ in range(times):
                made.database.unlink(missing_ok=True)
                found.append(spent(made.execution(generate.JOB)).peak)
        size = f"{models:,} models, 50 jobs"
        yield Outcome("memory of a run's process beside dbt", size, 300, "MiB", found)


def _times(found: Sequence[Spent]) -> tuple[list[float], list[float]]:
    return [each.wall for each in found], [each.cpu for each in found]


PARTS: Mapping[str, tuple[Part, Sequence[int], int]] = {
    "load": (load, (1000, 5000), 5),
    "many": (many, (100, 1000), 3),
    "launch": (launch, (1000,), 5),
    "tick": (tick, (100,), 20),
    "slim": (slim, (1000,), 3),
    "live": (live, (1000,), 3),
    "memory": (memory, (5000,), 1),
}
"""Each with the sizes that the promises name, and how often it is measured."""


def outcomes(names: Sequence[str], *, sizes: Sequence[int], times: int) -> Iterator[Outcome]:
    """Measure the parts of `names`; no `sizes` and no `times` stand for their own."""
    for name in names:
        part, own_sizes, own_times = PARTS[name]
        for each in part(sizes or own_sizes, times or own_times):
            tell(outcome_table([each]).splitlines()[-1])
            yield each


def main() -> None:
    """Measure, print the table, and write it into the page when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="(%(default)s)")
    parser.add_argument("--models", default="", help="sizes instead of those promised: 100,200")
    parser.add_argument("--times", type=int, default=0, help="how often each is measured")
    parser.add_argument("--write", action="store_true", help=f"the table into {PAGE.name}, too")
    asked = parser.parse_args()
    ends_on_sigterm()
    if asked.write:
        page("", NAME)
    sizes = [int(each) for each in asked.models.split(",") if each]
    said = caption()
    found = outcome_table(outcomes(asked.parts.split(","), sizes=sizes, times=asked.times))
    print(f"{said}\n\n{found}")
    if asked.write:
        write(f"{said}\n\n{found}", NAME)


def _pull_request(made: Deployed, number: int) -> str:
    """Change one model that nothing depends on, and return the tags of a run of that change."""
    made.repository.git("checkout", "--quiet", "-B", "work", "main")
    made.change(made.models - number, number)
    commit = made.repository.commit(f"Change {number}")
    made.repository.git("update-ref", f"refs/pull/{number}/head", commit)
    made.repository.git("checkout", "--quiet", "main")
    deployment = load_deployment(made.root / "deploy.yaml", state=made.root / "state")
    job = deployment.jobs[generate.CHECKS]
    asked = by_hand(job, Wish(commit=commit, pull_request=number), deployment)
    return json.dumps(dict(asked.tags))


if __name__ == "__main__":
    main()
