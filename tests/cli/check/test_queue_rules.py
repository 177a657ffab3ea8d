"""A dagster.yaml whose queue rules are those of an older version."""

from pathlib import Path

import pytest

from deploy_project.cli.check.queue_rules import older_queue_rules
from tests.support.paths import ROOT

OURS = (ROOT / "dagster.yaml").read_text(encoding="utf-8")
OLDER = OURS.replace(".dagster/deploy_", "deploy/")


@pytest.mark.parametrize(
    "text",
    [
        OURS,
        "",
        "[not yaml",
        "concurrency: {runs: {max_concurrent_runs: 5}}",
        OLDER.replace("key: deploy/queue", "key: .dagster/deploy_queue"),
    ],
)
def test_others_are_not_warned_of(here: Path, text: str):
    (here / "dagster.yaml").write_text(text, encoding="utf-8")
    assert older_queue_rules() is None


def test_a_missing_file_is_not_warned_of(here: Path):
    assert older_queue_rules() is None


@pytest.mark.parametrize("where", ["concurrency", "run_coordinator"])
def test_older_rules_are_told_wherever_they_are(
    here: Path, where: str, monkeypatch: pytest.MonkeyPatch
):
    home = here / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    rules = "{config: {tag_concurrency_limits: [{key: deploy/queue, limit: 1}]}}"
    text = OLDER if where == "concurrency" else f"{where}: {rules}"
    (home / "dagster.yaml").write_text(text, encoding="utf-8")
    told = older_queue_rules()
    assert told is not None
    assert told.startswith(f"{home}/dagster.yaml: the queue rules below `concurrency:` are those")
