"""Measures a run with very much output of dbt: `python -m bench.flood --help`.

Meanwhile a reader asks Dagster's UI for the run, and for the docs, as often as they answer. Prints
the time of the run, the size of its logs, the most memory of each process, and the times of the
answers, beside those about a run with little output.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.asking import Reader, serving
from bench.measure import cpu_seconds, peak_megabytes
from bench.repositories import Repository

_LOOKS = 20
_ROOT = Path(__file__).parents[1]
_FILES = {
    "work/dbt_project.yml": "name: flood\nversion: '1.0'\nprofile: flood\n",
    "work/profiles.yml": (
        "flood: {target: prod, outputs: {prod: {type: duckdb, path: ':memory:'}}}\n"
    ),
    "work/models/one.sql": "select 1 as id\n",
    "work/macros/flood.sql": (
        "{% macro flood(lines, megabytes) %}\n"
        "{% for n in range(lines) %}{{ log('line ' ~ n ~ ' of many', info=true) }}{% endfor %}\n"
        "{% for n in range(megabytes) %}{{ log('x' * 1000000) }}{% endfor %}\n"
        "{% endmacro %}\n"
    ),
    "deploy.yaml": (
        "projects: {flood: {repository: work}}\n"
        "environments: {prod: {type: production, branch: main, target: prod}}\n"
    ),
}
_COMMAND = "dbt {debug}run-operation flood --args '{{lines: {lines}, megabytes: {megabytes}}}'"


def main() -> None:
    """Make a project that floods the logs, run it, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000, help="lines on the console")
    parser.add_argument("--megabytes", type=int, default=200, help="of the debug log")
    parser.add_argument("--debug", action="store_true", help="the debug log on the console, too")
    asked = parser.parse_args()
    flood = _COMMAND.format(
        lines=asked.lines, megabytes=asked.megabytes, debug="--debug " if asked.debug else ""
    )
    with tempfile.TemporaryDirectory(prefix="flood-") as directory:
        root = Path(directory)
        _make(root, {"quiet": _COMMAND.format(lines=1, megabytes=0, debug=""), "flood": flood})
        _compare(root)


def _compare(root: Path) -> None:
    variables = {"DEPLOY_CONFIG": str(root / "deploy.yaml")}
    print(f"a quiet run: {_run(root, 'prod__quiet', variables)}")
    with serving(root, variables) as servers:
        quiet, during = servers.reader(), servers.reader()
        for _ in range(_LOOKS):
            quiet.look()
        before, begun = servers.peaks(), time.monotonic()
        cost = _run(root, "prod__flood", variables, during)
        print(f"the flood: {cost}, {time.monotonic() - begun:.0f} s")
        for log in sorted((root / ".deploy/artifacts/runs").glob("*/04-*/*.log")):
            print(f"{log.name}: {log.stat().st_size / 1e6:.1f} MB")
        for name, most in servers.peaks().items():
            print(f"{name}: {before[name]:.0f} MB before, at most {most:.0f} MB")
    print(f"{during.read / 1e6:.1f} MB of its log read")
    for what, each in during.seconds.items():
        print(f"{what}: {_told(quiet.seconds[what])} before, {_told(each)} during the flood")


def _told(seconds: list[float]) -> str:
    middle, most = statistics.median(seconds) * 1000, max(seconds) * 1000
    return f"{middle:.0f} ms (at most {most:.0f}, {len(seconds)} times)"


def _make(root: Path, jobs: dict[str, str]) -> None:
    text = "jobs:\n" + "".join(
        f'  {name}: {{environment: prod, execute_steps: ["{command}"]}}\n'
        for name, command in jobs.items()
    )
    for name, content in {**_FILES, "jobs.yml": text}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content, encoding="utf-8")
    (root / "dagster.yaml").write_bytes((_ROOT / "dagster.yaml").read_bytes())
    Repository(root / "work").begin()


def _run(root: Path, job: str, variables: dict[str, str], reader: Reader | None = None) -> str:
    """Return the memory and CPU of the run's process, without dbt; `reader` looks meanwhile."""
    command = [sys.executable, "-m", "dagster", "job", "execute"]
    process = subprocess.Popen(
        [*command, "-m", "deploy_project.definitions", "-j", job],
        cwd=root,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak = cpu = 0.0
    while process.poll() is None:
        peak = max(peak, peak_megabytes(process.pid))
        cpu = max(cpu, cpu_seconds(process.pid))
        if reader is not None:
            reader.look()
        time.sleep(0.2)
    if process.returncode != 0:
        raise SystemExit(f"the run has failed; see {root}")
    if reader is not None:
        reader.look()
    return f"at most {peak:.0f} MB, {cpu:.1f} s of CPU in its process"


if __name__ == "__main__":
    main()
