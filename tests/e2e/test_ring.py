"""A hosting site's message, by HTTP: the daemon's next tick deploys the merge that it tells of."""

import hashlib
import hmac
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster._core.scheduler.instigation import InstigatorTick

from deploy_project.config.values.tokens import digest
from deploy_project.runs.model.tags import FULL_COMMIT, TRIGGER
from tests.support.deployments.site import Site, make_site
from tests.support.ports import free_port
from tests.support.running.running_front import RunningFront, running_dagster, running_front
from tests.support.waiting import wait

pytestmark = pytest.mark.e2e

SECRET, TOKEN = "secret-of-the-hook", "secret-all"
NOT_RUNG = "The bell has not rung since the remote was asked"
DEPLOY = f"""
    projects:
      tiny: {{repository: REMOTE, hooks: {{secret: {{env: HOOK}}}}}}
    environments:
      prod: {{type: production, branch: main, target: prod}}
    dagster_url: URL
    tokens:
      all: {{sha256: {digest(TOKEN)}, permissions: [account_admin]}}
"""
JOBS = """
    jobs:
      merged: {environment: prod, job_type: merge, execute_steps: [dbt parse]}
"""


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningFront]:
    monkeypatch.setenv("HOOK", SECRET)
    site, port = make_site(tmp_path), free_port()
    site.configure(jobs=JOBS, deploy=DEPLOY.replace("URL", f"http://127.0.0.1:{port}"))
    with running_dagster(site, port), running_front(site, token=TOKEN) as found:
        yield found


def ticks(site: Site) -> list[InstigatorTick]:
    """The ticks of the merge sensor that have ended, the newest first."""
    with site.instance() as instance:
        known = {each.name: each for each in instance.all_instigator_state()}
        if "tiny_merges" not in known:
            return []
        state = known["tiny_merges"]
        found = instance.get_ticks(state.instigator_origin_id, state.selector_id)
        return [each for each in found if each.is_completed]


def skipped_after(site: Site, moment: float) -> InstigatorTick:
    """The first tick after a moment that has not asked the remote: it does so each half minute."""

    def found() -> InstigatorTick | None:
        later = [each for each in ticks(site) if each.timestamp > moment]
        return next((each for each in reversed(later) if each.skip_reason == NOT_RUNG), None)

    return wait(found, every=0.3)  # pyright: ignore[reportReturnType]


def pushed_unseen(site: Site) -> tuple[str, InstigatorTick]:
    """A commit that is on the remote, and the tick after it that has not asked the remote.

    Another commit follows one that is found without a ring, since half a minute was just over.
    """
    skipped_after(site, 0.0)
    while True:
        last = max(each.timestamp for each in ticks(site))
        commit = site.push({}, "Merge a pull request")
        before = skipped_after(site, time.time())
        since = [each for each in ticks(site) if last < each.timestamp]
        if not any(each.run_ids for each in since):
            return commit, before


def ring(front: RunningFront) -> None:
    """Tell of news, as GitHub does for a push."""
    body = b'{"ref": "refs/heads/main"}'
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    given = {"X-Hub-Signature-256": f"sha256={signature}", "X-GitHub-Event": "push"}
    status, answer = front.request("POST", "/hooks/tiny", body, given)
    assert status == 200, answer


def test_the_first_tick_after_a_ring_starts_the_merge_jobs(front: RunningFront):
    site = front.site
    commit, before = pushed_unseen(site)
    ring(front)
    rung = time.time()

    def merging() -> InstigatorTick | None:
        later = [each for each in ticks(site) if each.timestamp > before.timestamp]
        return next((each for each in later if each.run_ids), None)

    merged: Any = wait(merging, every=0.3)
    between = [each for each in ticks(site) if rung < each.timestamp < merged.timestamp]
    assert between == []
    [run_id] = merged.run_ids
    with site.instance() as instance:
        run = instance.get_run_by_id(run_id)
    assert run is not None
    assert (run.tags[FULL_COMMIT], run.tags[TRIGGER]) == (commit, "merge")
    wait(lambda: site.status(run_id) in ("SUCCESS", "FAILURE"), every=0.5)
    assert site.status(run_id) == "SUCCESS"
