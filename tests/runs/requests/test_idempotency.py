"""Requests that come again with their key: one run, unless the body is another one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import dagster as dg
import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.runs.model import tags
from deploy_project.runs.requests.idempotency import LASTS, Once, OtherBodyError
from deploy_project.runs.requests.request import Request
from tests.support.history.past_runs import History

ASKED = Request("prod__daily", {tags.TRIGGER: "api"}, {})
FIRST = Once("key", '{"cause": "x"}')


class Requests:
    """The requests of one deployment, which a history stands for Dagster's answer to."""

    def __init__(self, instance: dg.DagsterInstance, root: Path) -> None:
        self.instance, self.history = instance, History(instance, root)
        self.state = StateDirectory(root)
        self.created = datetime.now(UTC)

    def launch(self, asked: Request) -> str:
        own = asked.tags
        return self.history.add(
            asked.job_name,
            created=self.created,
            idempotency=own[tags.IDEMPOTENCY],
            idempotent_body=own[tags.IDEMPOTENT_BODY],
        )

    def make(self, wish: Once) -> str:
        return wish.launched(self.instance, self.state, ASKED, launch=self.launch)


@pytest.fixture
def requests(tmp_path: Path) -> Iterator[Requests]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Requests(instance, tmp_path)


def test_the_same_request_is_the_same_run(requests: Requests):
    assert FIRST.run(requests.instance) is None
    run_id = requests.make(FIRST)
    assert requests.make(FIRST) == run_id
    assert FIRST.run(requests.instance) == run_id
    assert requests.history.added == [run_id]


def test_another_key_is_another_run(requests: Requests):
    assert requests.make(FIRST) != requests.make(Once("other", FIRST.body))


def test_another_body_is_no_answer_to_the_same_key(requests: Requests):
    """The caller took the run of its first request for that of its second."""
    requests.make(FIRST)
    other = Once(FIRST.key, '{"cause": "y"}')
    with pytest.raises(OtherBodyError):
        other.run(requests.instance)
    with pytest.raises(OtherBodyError):
        requests.make(other)
    assert len(requests.history.added) == 1


def test_after_a_day_a_key_is_new(requests: Requests):
    requests.created -= LASTS + timedelta(minutes=1)
    old = requests.make(FIRST)
    requests.created = datetime.now(UTC)
    assert requests.make(Once(FIRST.key, '{"cause": "y"}')) != old


def test_requests_at_the_same_moment_are_one_run(requests: Requests):
    begun = Barrier(4)

    def make(_: int) -> str:
        begun.wait()
        return requests.make(FIRST)

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(make, range(4)))) == 1


def test_a_rerun_of_the_run_is_no_answer(requests: Requests):
    """A rerun has the tags of its parent."""
    run_id = requests.make(FIRST)
    own = requests.instance.get_run_by_id(run_id)
    assert own is not None
    again = requests.history.add(
        created=requests.created,
        parent=run_id,
        idempotency=own.tags[tags.IDEMPOTENCY],
        idempotent_body=own.tags[tags.IDEMPOTENT_BODY],
    )
    assert again != run_id
    assert requests.make(FIRST) == run_id
