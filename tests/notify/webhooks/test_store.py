"""Subscriptions made over the API: one file, for its owner alone, whose secrets are shown once."""

import stat
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy_project.errors import ConfigError
from deploy_project.notify.webhooks import objects
from deploy_project.notify.webhooks.standing import Standing
from deploy_project.notify.webhooks.store import Store
from deploy_project.notify.webhooks.subscription import Subscription

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
WANTED = Subscription("", "orchestrator", "https://a.example/x", "", ("job.run.completed",))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "webhooks")


def test_a_subscription_is_made_changed_and_removed(store: Store):
    assert store.all() == ()
    made = store.create(WANTED, now=NOW)
    assert made.id.startswith("wsu_")
    assert store.all() == (made,)
    later = NOW + timedelta(hours=1)
    changed = store.update(replace(made, name="other", secret="mine", active=False), now=later)
    assert changed is not None
    assert (changed.secret, changed.created_at) == (made.secret, NOW)
    assert (changed.name, changed.active, changed.updated_at) == ("other", False, later)
    assert store.all() == (changed,)
    assert store.delete(made.id)
    assert not store.delete(made.id)
    assert store.update(made, now=NOW) is None


def test_only_its_owner_reads_the_file(store: Store, tmp_path: Path):
    first, second = (store.create(WANTED, now=NOW) for _ in range(2))
    assert first.id != second.id
    assert first.secret != second.secret
    [file] = (tmp_path / "webhooks").glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_several_processes_lose_nothing(store: Store):
    threads = [
        threading.Thread(target=store.create, args=[WANTED], kwargs={"now": NOW}) for _ in range(8)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len({each.id for each in store.all()}) == 8


def test_a_damaged_file_is_not_written_over(store: Store, tmp_path: Path):
    store.create(WANTED, now=NOW)
    (tmp_path / "webhooks" / "subscriptions.json").write_text("[{", encoding="utf-8")
    with pytest.raises(ConfigError, match="move it away"):
        store.create(WANTED, now=NOW)


def test_dbt_clouds_object_has_no_secret_but_once(store: Store):
    made = store.create(replace(WANTED, job_ids=(123, 321)), now=NOW)
    shown = objects.shown(made, Standing(NOW), account_id=1)
    assert str(made.secret) not in str(shown)
    assert shown | {"id": "", "account_identifier": ""} == {
        "id": "",
        "account_identifier": "",
        "name": "orchestrator",
        "description": "",
        "job_ids": ["123", "321"],
        "event_types": ["job.run.completed"],
        "client_url": "https://a.example/x",
        "active": True,
        "created_at": "1796040000000000",
        "updated_at": "1796040000000000",
        "dispatched_at": "0",
        "account_id": "1",
        "http_status_code": "0",
        "deactivate_reason": "",
    }
    once = objects.created(made, Standing(NOW), account_id=1)
    assert once == {**shown, "hmac_secret": made.secret}
