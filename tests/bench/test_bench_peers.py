from pathlib import Path

import pytest

from bench.asked import peers
from bench.report import Cost, Pair, Standing, last_words, peer_row, peer_table
from bench.tools import PROGRAMS, TOOLS, Tool, pinned, tool_variables

ROOT = Path(__file__).parents[2]


def pair(bare: float, run: float) -> Pair:
    return Pair(bare=Cost(bare, 2.0), ours=Cost(run, 5.0))


def test_a_tool_that_ran_and_one_that_did_not_share_a_table():
    ran = Standing("tool", "1.2", 200, [pair(10.0, 20.0), pair(10.0, 30.0), pair(20.0, 25.0)])
    slow = Standing("slower", "0.1", 200, said="> 20 min")
    assert peer_table([ran, slow]) == (
        "| tool   | version | models | bare dbt |  its run | ratio |    spread | CPU ratio |\n"
        "| ------ | ------- | -----: | -------: | -------: | ----: | --------: | --------: |\n"
        "| tool   | 1.2     |    200 |   10.0 s |   25.0 s |  2.50 | 1.25–3.00 |      2.50 |\n"
        "| slower | 0.1     |    200 |        – | > 20 min |     – |         – |         – |"
    )


def test_one_run_has_no_spread():
    assert peer_row(Standing("tool", "1", 10, [pair(2.0, 3.0)]))[-2] == "one run"


@pytest.mark.parametrize(
    ("said", "cell"),
    [
        ("`dbt` failed (exit 1):\nTraceback\nKeyError: 'x'\n\n", "KeyError: 'x'"),
        ("a | b", "a \\| b"),
        ("x" * 200, "x" * 89 + "…"),
        ("", ""),
    ],
)
def test_the_last_words_fit_into_a_cell(said: str, cell: str):
    assert last_words(said) == cell


def test_all_tools_are_compared_when_none_is_named():
    found = peers([], known=TOOLS, about="")
    assert (found.sizes, found.runs, found.peers) == ((10, 200), 3, tuple(TOOLS))


def test_an_unknown_tool_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        peers(["--peers", "dagster-dbt,cron"], known=TOOLS, about="")
    said = capsys.readouterr().err
    assert "no cron" in said
    assert "cosmos-watcher" in said


@pytest.mark.parametrize("package", ["dbt-core", "dbt-duckdb", "duckdb"])
@pytest.mark.parametrize("environment", sorted({tool.environment for tool in TOOLS.values()}))
def test_every_tool_runs_the_dbt_that_bare_dbt_is_measured_with(environment: str, package: str):
    theirs = (PROGRAMS / environment / "requirements.txt").read_text(encoding="utf-8")
    ours = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    assert pinned(theirs, package) == pinned(ours, package)


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_the_version_of_every_tool_is_pinned(tool: Tool):
    requirements = PROGRAMS / tool.environment / "requirements.txt"
    assert pinned(requirements.read_text(encoding="utf-8"), tool.package)


def test_what_is_not_pinned_has_no_version():
    with pytest.raises(KeyError, match="dbt"):
        pinned("dbt-core==1.0\nmy-dbt==2", "dbt")


def test_a_tool_gets_none_of_the_users_own_settings():
    given = {"PREFECT_API_KEY": "x", "AIRFLOW__CORE__FERNET_KEY": "x", "PATH": "/bin", "HOME": "/h"}
    found = tool_variables(given, programs=Path("/venv/bin"), home=Path("/home"))
    assert {"PREFECT_API_KEY", "AIRFLOW__CORE__FERNET_KEY"}.isdisjoint(found)
    assert (found["PATH"], found["HOME"]) == ("/venv/bin:/bin", "/h")
    assert found["DO_NOT_TRACK"] == "true"
