"""Files of the state directory that were deleted or damaged: nothing may depend on them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy_project.releases.pointer import deployed as deployed_pointer
from tests.bad_input.deployed import WHOLE, Deployed
from tests.support.documented_messages import Met

pytestmark = pytest.mark.slow


def without_production(name: str) -> dict[str, object]:
    """Return the outline when production shows nothing but `name`."""
    return {
        **WHOLE,
        "assets": [
            *("deploy_project", "prod/jobs/daily", "prod/jobs/plain", f"prod/{name}"),
            *("staging/jobs/slim", "staging/orders", "staging/revenue"),
        ],
    }


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff\xfe\0:\0", b"../../../x:../../y"])
def test_a_damaged_pointer(deployed: Deployed, content: bytes):
    """A pointer that was no text took the code location down; another one stayed for ever."""
    cursor = deployed.settled()
    deployed.state.deployed("prod").write_bytes(content)
    assert deployed.outline() == without_production("not_deployed_yet")
    ticked = deployed.tick(cursor)
    assert ticked.error == ""
    assert ticked.started == (), "nobody has merged"
    assert deployed.outline() == WHOLE


def checkout(deployed: Deployed) -> Path:
    at = deployed_pointer(deployed.state, "prod")
    assert at is not None
    return deployed.state.checkout("tiny", at.commit).root


def parsed(deployed: Deployed) -> Path:
    at = deployed_pointer(deployed.state, "prod")
    assert at is not None
    return checkout(deployed) / "parsed" / at.parsed


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])


LOST: dict[str, Callable[[Deployed], None]] = {
    "checkout": lambda deployed: shutil.rmtree(checkout(deployed)),
    "parse": lambda deployed: shutil.rmtree(parsed(deployed)),
    "manifest": lambda deployed: cut(parsed(deployed) / "manifest.json"),
}


@pytest.mark.parametrize("lost", LOST)
def test_a_deleted_cache_is_made_again(deployed: Deployed, lost: str, met: Met):
    """A deleted checkout took all schedules down, and nothing but a new commit brought it back."""
    cursor = deployed.settled()
    with deployed.unchanged():
        LOST[lost](deployed)
        assert deployed.outline() == without_production("not_shown")
        description = deployed.description("prod/not_shown")
        assert "`deploy-project deploy prod`" in description
        met(description)
        ticked = deployed.tick(cursor)
        assert (ticked.error, ticked.started) == ("", ())
        asked = ticked.said.splitlines()[-1]
        assert asked.startswith("The UI shows an older commit"), "it has asked for a reload"
        met(asked)


def test_a_run_makes_deleted_files_again(deployed: Deployed):
    shutil.rmtree(checkout(deployed))
    assert deployed.attempt("prod__plain").success
    assert deployed.outline() == WHOLE


def test_a_run_of_another_commit_leaves_lost_files_to_the_sensor(deployed: Deployed):
    """What somebody builds by hand must not become what production shows."""
    at = deployed_pointer(deployed.state, "staging")
    assert at is not None
    shutil.rmtree(parsed(deployed))
    assert not deployed.attempt("prod__plain", {"deploy/commit": "0" * 40}).success
    assert deployed.attempt("prod__plain", {"deploy/commit": at.commit}).success
    assert deployed.outline() == without_production("not_shown")


@pytest.mark.parametrize("damaged", ["docs.json", "docs/*/catalog.json"])
def test_damaged_docs(deployed: Deployed, damaged: str):
    """Damaged docs, whose catalog shows the types of columns, took the code location down."""
    (file,) = (deployed.state.artifacts / "environments" / "prod").glob(damaged)
    file.write_text("{", encoding="utf-8")
    with deployed.unchanged():
        assert deployed.tick().error == ""


STATES: dict[str, tuple[Callable[[Path], object], str]] = {
    "pointer": (
        lambda published: (published / "state.json").write_text('{"run', encoding="utf-8"),
        "does not say which run has published the state",
    ),
    "directory": (
        lambda published: shutil.rmtree(published / "state"),
        "was published and is gone",
    ),
    "manifest": (
        lambda published: [cut(file) for file in published.glob("state/*/manifest.json")],
        "Could not read WritableManifest",
    ),
}


@pytest.mark.parametrize("damaged", STATES)
def test_damaged_state(deployed: Deployed, damaged: str, met: Met):
    """Deferring without the state would build everything where little was meant to be built."""
    harm, words = STATES[damaged]
    harm(deployed.state.artifacts / "environments" / "prod")
    with deployed.unchanged():
        ended = deployed.attempt("staging__slim")
    assert ended.step == "dbt_build"
    assert words in ended.message
    assert ended.message == ended.recorded
    met(ended.message)


def test_the_next_run_replaces_a_damaged_state(deployed: Deployed):
    file = deployed.state.artifacts / "environments" / "prod" / "state.json"
    before = json.loads(file.read_bytes())
    file.write_text("{", encoding="utf-8")
    assert deployed.attempt("prod__plain").success
    assert json.loads(file.read_bytes()).keys() == before.keys()


def test_a_secret_that_names_a_database_can_not_be_deferred_to(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, met: Met
):
    """The state held ***** in its place, and dbt looked for a database of that name."""
    monkeypatch.setenv("NAME", "warehouse")
    secret = "target: prod, variables: {DBT_DATABASE: {env: NAME}}}"
    deployed.reconfigure("target: prod}", secret)
    assert deployed.attempt("prod__plain").success
    ended = deployed.attempt("staging__slim")
    assert (ended.step, ended.message) == ("dbt_build", ended.recorded)
    assert "a database in it is '*****'" in ended.message
    met(ended.message)
