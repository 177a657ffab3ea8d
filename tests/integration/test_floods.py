"""A dbt that says very much: nothing is lost, memory stays small, the UI and the docs answer."""

import statistics
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from bench.asking import Reader, peak_megabytes, serving
from tests.support.deployments.site import DEPLOY as PLAIN
from tests.support.deployments.site import PROJECT, Site, make_site
from tests.support.waiting import PATIENCE

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
LOOKS = 15


def run(site: Site, job: str) -> float:
    """Run `job` in a process of its own, and return the most memory that this process has had."""
    command = ("job", "execute", "-m", "deploy_project.definitions", "-j", job)
    process = site.start(*command, SECRET="hush-hush")
    peak = 0.0
    assert process.stdout is not None
    with process.stdout as output:
        # The last line comes when all logs are kept.
        while output.readline(1 << 16):
            peak = max(peak, peak_megabytes(process.pid))
    assert process.wait() == 0
    return peak


@contextmanager
def looking(reader: Reader) -> Generator[None]:
    """Look again and again in a thread; raise here what went wrong there."""
    ended, failures = threading.Event(), list[BaseException]()

    def look() -> None:
        try:
            while not ended.wait(0.1):
                reader.look()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=PATIENCE)
    assert not failures, failures[0]
    assert not thread.is_alive(), "a look takes for ever"
    reader.look()


@dataclass(frozen=True)
class Flood:
    """A quiet run and a flood; the memory of their processes, and what somebody saw of them."""

    site: Site
    quiet: float
    flood: float
    before: Reader
    during: Reader
    servers: dict[str, tuple[float, float]]
    """The most memory of each server, before the flood and after it."""


@pytest.fixture(scope="module")
def flood(tmp_path_factory: pytest.TempPathFactory) -> Flood:
    site = make_site(tmp_path_factory.mktemp("floods"), FILES)
    site.configure(jobs=JOBS, deploy=DEPLOY)
    quiet = run(site, "prod__quiet")
    with serving(site.root, {**site.environment, "SECRET": "hush-hush"}) as servers:
        before, during = servers.reader(), servers.reader()
        for _ in range(LOOKS):
            before.look()
        small = servers.peaks()
        with looking(during):
            most = run(site, "prod__flood")
        peaks = {name: (small[name], peak) for name, peak in servers.peaks().items()}
    return Flood(site, quiet, most, before, during, peaks)


def test_logs_of_a_hundred_megabytes_cost_no_memory(flood: Flood):
    """Logs were read whole to be scrubbed, and a line without an end was read whole, too."""
    directory = flood.site.directory(flood.site.run_ids()[0], "04-dbt-run-operation")
    with (directory / "console.log").open(encoding="utf-8") as console:
        said = [line for line in console if " of a project that has much to say" in line]
    assert len(said) == 3_000
    assert (directory / "console.log").stat().st_size > 50_000_000
    assert (directory / "dbt.log").stat().st_size > 80_000_000
    told = f"{flood.flood:.0f} MB, and {flood.quiet:.0f} MB when dbt says little"
    assert flood.flood < 1.25 * flood.quiet, told


def test_the_ui_and_the_docs_answer_all_the_while(flood: Flood):
    assert set(flood.during.seconds) == {"latest", "status", "events", "log", "docs"}
    for what, seconds in flood.during.seconds.items():
        usual, now = statistics.median(flood.before.seconds[what]), statistics.median(seconds)
        assert now < 40 * usual, f"{what}: {now:.3f} s, and {usual:.3f} s when dbt says little"


def test_the_servers_need_no_memory_for_it(flood: Flood):
    assert flood.during.read > 1_000_000, "somebody has read along"
    for name, (before, after) in flood.servers.items():
        assert after < 1.5 * before, f"{name}: {after:.0f} MB, and {before:.0f} MB before"
