"""How a run bears a dbt that says very much: `bench/flood.py --lines 100000 --megabytes 200`.

Prints how long the run took, how large its logs are, and the most memory its process has had.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
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
_JOB = (
    "jobs:\n  flood:\n    environment: prod\n    execute_steps:\n"
    "      - \"dbt run-operation flood --args '{{lines: {lines}, megabytes: {megabytes}}}'\"\n"
)


def main() -> None:
    """Make a project that floods, run it, and print what that cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000, help="lines on the console")
    parser.add_argument("--megabytes", type=int, default=200, help="of the debug log")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flood-") as directory:
        root = Path(directory)
        _make(root, _JOB.format(lines=asked.lines, megabytes=asked.megabytes))
        begun = time.monotonic()
        peak = _run(root)
        print(f"{time.monotonic() - begun:.0f} s, at most {peak:.0f} MB in the run's process")
        for log in sorted((root / ".deploy/artifacts/runs").glob("*/04-*/*.log")):
            print(f"{log.name}: {log.stat().st_size / 1e6:.0f} MB")


def _make(root: Path, job: str) -> None:
    for name, text in {**_FILES, "jobs.yml": job}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "dagster.yaml").write_bytes((_ROOT / "dagster.yaml").read_bytes())
    who = ("-c", "user.name=Bench", "-c", "user.email=bench@example.com")
    for words in (
        ("init", "-q", "-b", "main"),
        ("add", "."),
        (*who, "commit", "-q", "-m", "Flood"),
    ):
        subprocess.run(["git", *words], cwd=root / "work", check=True)


def _run(root: Path) -> float:
    """Return the most megabytes that the process of the run has had."""
    command = [sys.executable, "-m", "dagster", "job", "execute"]
    process = subprocess.Popen(
        [*command, "-m", "deploy_project.definitions", "-j", "prod__flood"],
        cwd=root,
        env={**os.environ, "DEPLOY_CONFIG": str(root / "deploy.yaml")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    status, peak = Path(f"/proc/{process.pid}/status"), 0
    while process.poll() is None:
        found = _PEAK.search(status.read_text(encoding="utf-8"))
        peak = int(found[1]) if found else peak
        time.sleep(0.2)
    if process.returncode != 0:
        raise SystemExit(f"the run has failed; see {root}")
    return peak / 1024


if __name__ == "__main__":
    main()
