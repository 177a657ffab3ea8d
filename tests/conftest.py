import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.support")

TESTS = Path(__file__).parent
GOLDEN = TESTS / "golden"
LONGEST = ("e2e", "slow")
"""The marks of tests, those first that take longest."""

# Each of hundreds of processes would compile the package anew, and each worker rewrite all asserts.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
gc.disable()  # until the tests are collected: all that is made until then stays

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background has it so, and all that they start as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files")
    parser.addoption("--kills", choices=["short", "all"], default="short", help="what to kill when")
    parser.addoption(
        "--strangers", choices=["short", "all"], default="short", help="what to run as whole runs"
    )


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process, which share what they have built.

    Those of bad_input stay together as a whole: they count the messages that they have met. Files
    that share something expensive name a group of their own.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is not None:
            continue
        file = item.path.relative_to(TESTS)
        group = file.parts[0] if file.parts[0] == "bad_input" else str(file)
        item.add_marker(pytest.mark.xdist_group(group))
    _put_the_longest_first(items)


def _put_the_longest_first(items: list[pytest.Item]) -> None:
    """Sort the groups, so that no worker is left with a long one when the others are done."""
    first: dict[str, int] = {}
    for item in items:
        rank = next((n for n, each in enumerate(LONGEST) if item.get_closest_marker(each)), 9)
        first[_group(item)] = min(rank, first.get(_group(item), rank))
    items.sort(key=lambda item: first[_group(item)])


def _group(item: pytest.Item) -> str:
    mark = item.get_closest_marker("xdist_group")
    assert mark is not None
    return mark.args[0]


def pytest_collection_finish() -> None:
    """Search what the tests make for garbage, and seldom: never the thousands of modules."""
    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with a checked-in file; `--update-golden` rewrites it."""

    def check(name: str, actual: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(actual, encoding="utf-8")
        assert actual == path.read_text(encoding="utf-8"), (
            f"differs from {path}; rerun with --update-golden"
        )

    return check


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, where no variable says what the configuration is."""
    for name in ("DEPLOY_CONFIG", "DEPLOY_STATE", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path
