"""A dbt that says very much: nothing is lost, and the memory of the run's process stays small."""

import re
from pathlib import Path

import pytest

from tests.integration.conftest import DEPLOY as PLAIN
from tests.integration.conftest import PROJECT, Site, make_site

pytestmark = pytest.mark.slow

FILES = {
    **PROJECT,
    "macros/flood.sql": """
        {% macro flood(lines, debug_megabytes, longest_line) %}
        {% for number in range(lines) %}
        {{ log('line ' ~ number ~ ' of a project that has much to say', info=true) }}
        {% endfor %}
        {% for number in range(debug_megabytes) %}{{ log('x' * 1000000) }}{% endfor %}
        {{ log('y' * longest_line, info=true) }}
        {% endmacro %}
    """,
}
JOBS = """
    jobs:
      quiet:
        environment: prod
        execute_steps:
          - "dbt run-operation flood --args '{lines: 1, debug_megabytes: 1, longest_line: 1}'"
      flood:
        environment: prod
        execute_steps:
          - "dbt run-operation flood \\
            --args '{lines: 3000, debug_megabytes: 30, longest_line: 50000000}'"
"""
DEPLOY = PLAIN.replace("target: prod}", "target: prod, variables: {DBT_SECRET: {env: SECRET}}}")
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def peak_megabytes(site: Site, job: str) -> float:
    """Run `job` in a process of its own, and return the most memory that this process has had."""
    command = ("job", "execute", "-m", "deploy_project.definitions", "-j", job)
    process = site.start(*command, SECRET="hush-hush")
    status, peak = Path(f"/proc/{process.pid}/status"), 0
    assert process.stdout is not None
    with process.stdout as output:
        # The last line comes when all logs are kept.
        while output.readline(1 << 16):
            found = _PEAK.search(status.read_text(encoding="utf-8"))
            peak = int(found[1]) if found else peak
    assert process.wait() == 0
    return peak / 1024


def test_logs_of_a_hundred_megabytes_cost_no_memory(tmp_path: Path):
    """Logs were read whole to be scrubbed, and a line without an end was read whole, too."""
    site = make_site(tmp_path, FILES)
    site.configure(jobs=JOBS, deploy=DEPLOY)
    quiet = peak_megabytes(site, "prod__quiet")
    flood = peak_megabytes(site, "prod__flood")
    directory = site.directory(site.run_ids()[0], "04-dbt-run-operation")
    with (directory / "console.log").open(encoding="utf-8") as console:
        said = [line for line in console if " of a project that has much to say" in line]
    assert len(said) == 3_000
    assert (directory / "console.log").stat().st_size > 50_000_000
    assert (directory / "dbt.log").stat().st_size > 80_000_000
    assert flood < 1.25 * quiet, f"{flood:.0f} MB, and {quiet:.0f} MB when dbt says little"
