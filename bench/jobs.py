"""Compares jobs of several commands, and a build of tables, with bare dbt: `--help` tells more.

Each side begins with a new DuckDB file, and with a project that dbt has parsed before.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import duckdb

from bench import generate
from bench.asked import positive
from bench.deployments import PROGRAMS, Deployed, variables
from bench.measure import Command, Failed, cost, run
from bench.report import Cost, Pair
from bench.session import PAGE, caption, ends_on_sigterm, page, tell, write
from bench.tables import line
from bench.works import Work, four_commands, tables
from deploy_project.config.environment import STATE

NAME = "bench-jobs"
"""Of the markers around its table."""
_HEADINGS = ("job", "runs", "bare dbt", "a run here", "ratio", "spread", "CPU ratio")
_MAKES = {"commands": four_commands, "tables": tables}


@dataclass(frozen=True)
class Sides:
    """Bare dbt and a deployment, both in `root`, with the same work."""

    root: Path
    work: Work

    @property
    def deployed(self) -> Deployed:
        """The side that is ours."""
        return Deployed(self.root, self.work.relations)

    def prepare(self) -> None:
        """Make both sides, and let each do its work once."""
        self.deployed.write_files(self.work.files, job=self.work.job)
        source = str(self.deployed.repository.path)
        clone = ("git", "clone", "--quiet", source, str(self.root / "bare"))
        run(Command(clone, self.root, variables()))
        (self.root / "bare-state").mkdir()
        self.bare()
        self.ours()

    def bare(self) -> Cost:
        """The commands one after the other, by dbt alone."""
        given = variables(
            **{STATE: str(self.root / "bare-state")}, DBT_SEND_ANONYMOUS_USAGE_STATS="false"
        )
        commands = [
            Command((str(PROGRAMS / "dbt"), *each.split()), self.root / "bare", given)
            for each in self.work.commands
        ]
        return self._measured("bare-state", *commands)

    def ours(self) -> Cost:
        """A whole run of the job."""
        return self._measured("state", self.deployed.execution(generate.JOB))

    def _measured(self, state: str, *commands: Command) -> Cost:
        database = self.root / state / generate.DATABASE
        database.unlink(missing_ok=True)
        found = cost(*commands)
        with duckdb.connect(str(database), read_only=True) as connection:
            sql = "select count(*) from information_schema.tables"
            (made,) = connection.execute(sql).fetchall()[0]
        if made != self.work.relations:  # a run that makes less is not faster
            raise Failed(f"{database} has {made} relations, wanted {self.work.relations}")
        return found


def measured(work: Work, runs: int) -> Iterator[Pair]:
    """Measure both sides in turn, so that a busy minute of the machine troubles both."""
    with tempfile.TemporaryDirectory(prefix="deploy-bench-") as directory:
        sides = Sides(Path(directory), work)
        tell(f"{work.name}: generating, then each side once, not measured")
        sides.prepare()
        for number in range(1, runs + 1):
            pair = Pair(bare=sides.bare(), ours=sides.ours())
            tell(
                f"{work.name}, {number}: bare {pair.bare.wall:.1f} s, ours {pair.ours.wall:.1f} s, "
                f"ratio {pair.ratio:.2f}"
            )
            yield pair


def row(work: Work, pairs: list[Pair]) -> str:
    """Return a work's line of the table."""
    bare, ours = median(p.bare.wall for p in pairs), median(p.ours.wall for p in pairs)
    cpu = median(p.ours.cpu for p in pairs) / median(p.bare.cpu for p in pairs)
    spread = f"{min(p.ratio for p in pairs):.2f}–{max(p.ratio for p in pairs):.2f}"
    cells = (work.name, str(len(pairs)), f"{bare:.1f} s", f"{ours:.1f} s", f"{ours / bare:.2f}")
    return line((*cells, spread, f"{cpu:.2f}"))


def main() -> None:
    """Measure, print the table, and write it into the page when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=positive, default=200, help="(%(default)s)")
    parser.add_argument("--runs", type=positive, default=5, help="of each side (%(default)s)")
    parser.add_argument("--only", choices=_MAKES, help="one of the two")
    parser.add_argument("--write", action="store_true", help=f"the table into {PAGE.name}, too")
    asked = parser.parse_args(sys.argv[1:])
    ends_on_sigterm()
    if asked.write:
        page("", NAME)  # an error in the page is better known before measuring
    said = caption()
    makes: Mapping[str, object] = _MAKES if asked.only is None else {asked.only: None}
    works = [_MAKES[name](asked.models) for name in makes]
    rows = [row(work, [*measured(work, asked.runs)]) for work in works]
    found = "\n".join((line(_HEADINGS), "|---|--:|--:|--:|--:|--:|--:|", *rows))
    print(found)
    if asked.write:
        write(f"{said}\n\n{found}", NAME)


if __name__ == "__main__":
    main()
