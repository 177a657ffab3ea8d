"""The address that dagster.yaml files have of our storage and launcher, and their former one."""

from pathlib import Path

import dagster as dg
import pytest
import yaml

from deploy_project.errors import ConfigError
from deploy_project.instance import ProcessLauncher
from deploy_project.orchestration.processes.storage import EventLog

ROOT = Path(__file__).parents[1]
OURS = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))


def opened(home: Path, content: dict[str, object]) -> dg.DagsterInstance:
    (home / "dagster.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return dg.DagsterInstance.from_config(str(home))


def test_dagster_loads_both_from_the_address_in_dagster_yaml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with opened(tmp_path, OURS) as instance:
        assert isinstance(instance.run_launcher, ProcessLauncher)
        assert isinstance(instance.event_log_storage, EventLog)


@pytest.mark.parametrize(
    ("key", "module", "name"),
    [
        ("run_launcher", "launcher", "ProcessLauncher"),
        ("storage.custom", "storage", "SqliteStorage"),
    ],
)
def test_a_former_address_is_answered_with_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, module: str, name: str
):
    """Dagster said only that the module could not be imported."""
    monkeypatch.chdir(tmp_path)
    before = f"deploy_project.orchestration.{module}"
    custom = {**OURS["storage"]["custom"]}
    changed = {
        "run_launcher": {"run_launcher": {**OURS["run_launcher"], "module": before}},
        "storage.custom": {"storage": {"custom": {**custom, "module": before}}},
    }
    with pytest.raises(ConfigError) as told:
        opened(tmp_path, {**OURS, **changed[key]}).run_launcher  # noqa: B018
    assert str(told.value) == (
        f"dagster.yaml: {key}.module: is no address of {name} any more, found '{before}'; "
        "write `module: deploy_project.instance`"
    )
