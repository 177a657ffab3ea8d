"""Which pull requests are built, which are refused, and which runs are given up."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from deploy_project.ci.pulls.plan import Active, Cancel, Handled, Plan, Refuse, plan, stale
from deploy_project.config.values.deployment import Environment, Job, Off, Project, PullRequestRules
from deploy_project.git.pulls import PullRequest

A, B, C = "a" * 40, "b" * 40, "c" * 40


def job(label: str | None = None, name: str = "checks", *, draft: bool = False) -> Job:
    rules = PullRequestRules(fork_label=label)
    project = Project("shop", 1, "/nowhere", pull_requests=rules)
    environment = Environment("staging", 2, project, "staging", branch="main")
    return Job(
        name=name,
        identifier=name,
        id=23,
        title=name,
        environment=environment,
        description="",
        job_type="ci",
        steps=(("build",),),
        commands=("dbt build",),
        on_pull_request=True,
        on_draft_pull_request=draft,
    )


def decided(*pulls: PullRequest, seen: Handled | None, of: Job | None = None) -> Plan:
    jobs = [of or job()]
    before = {jobs[0].name: seen} if seen is not None else {}
    return plan(pulls, jobs, before, branches={"staging": "main"})


def started(made: Plan) -> list[tuple[int, str]]:
    return [(each.pull_request.number, each.pull_request.head) for each in made.starts]


OPEN = PullRequest(7, A, base="main")
FORK = replace(OPEN, fork="someone/shop")
LABELLED = replace(FORK, labels=frozenset({"safe"}))


@pytest.mark.parametrize(
    ("pull", "seen", "starts"),
    [
        (OPEN, None, False),
        (OPEN, Handled(), True),
        (OPEN, Handled({7: A}), False),
        (replace(OPEN, head=B), Handled({7: A}), True),
        (replace(OPEN, base=None), Handled(), True),
        (replace(OPEN, base="release"), Handled(), False),
        (replace(OPEN, draft=True), Handled(), False),
        (FORK, Handled(), False),
    ],
    ids=[
        "open before the job was there",
        "opened",
        "seen already",
        "new commit",
        "base unknown",
        "another base",
        "draft",
        "fork",
    ],
)
def test_a_head_is_built_once(pull: PullRequest, seen: Handled | None, starts: bool):
    made = decided(pull, seen=seen)
    assert started(made) == ([(7, pull.head)] if starts else [])
    assert decided(pull, seen=made.seen["checks"]).starts == ()


def test_a_draft_is_built_when_the_job_wants_it_or_when_it_is_ready():
    draft = replace(OPEN, draft=True)
    assert started(decided(draft, seen=Handled(), of=job(draft=True))) == [(7, A)]
    waiting = decided(draft, seen=Handled())
    assert started(decided(OPEN, seen=waiting.seen["checks"])) == [(7, A)]


def test_a_pull_request_that_is_turned_to_our_branch_is_built():
    elsewhere = decided(replace(OPEN, base="release"), seen=Handled())
    assert started(decided(OPEN, seen=elsewhere.seen["checks"])) == [(7, A)]


def test_a_fork_is_refused_once_for_each_head_with_the_reason():
    first = decided(FORK, seen=Handled())
    assert first.refusals == (
        Refuse(
            job(),
            FORK,
            "Pull request 7 comes from a fork, and is not built: its code would run with the "
            "credentials of environment 'staging'; push the branch to the project's own repository",
        ),
    )
    assert decided(FORK, seen=first.seen["checks"]).refusals == ()
    assert len(decided(replace(FORK, head=B), seen=first.seen["checks"]).refusals) == 1


def test_a_label_lets_in_what_was_there_when_it_was_given_and_nothing_pushed_later():
    of, seen = job("safe"), Handled()
    refused = decided(FORK, seen=seen, of=of)
    assert "read it, then add the label 'safe'" in refused.refusals[0].reason
    let_in = decided(LABELLED, seen=refused.seen["checks"], of=of)
    assert started(let_in) == [(7, A)]
    pushed = decided(replace(LABELLED, head=B), seen=let_in.seen["checks"], of=of)
    assert started(pushed) == []
    assert pushed.refusals[0].reason.endswith(
        "; it has new commits since it got the label 'safe': read them, take the label away, and "
        "a minute later add it again"
    )
    taken = decided(replace(FORK, head=B), seen=pushed.seen["checks"], of=of)
    again = decided(replace(LABELLED, head=B), seen=taken.seen["checks"], of=of)
    assert started(again) == [(7, B)]
    assert started(decided(LABELLED, seen=Handled(), of=job())) == [], "no label is configured"


def test_a_new_head_and_a_close_give_up_the_runs_of_that_pull_request_and_job():
    seen = Handled({7: A, 8: A, 9: A})
    pulls = (replace(OPEN, head=B), replace(OPEN, number=8))
    made = decided(*pulls, seen=seen)
    active = [
        Active("stale", "checks", 7, A),
        Active("newest", "checks", 7, B),
        Active("not known yet", "checks", 7, ""),
        Active("of another job", "lint", 7, A),
        Active("of another", "checks", 8, A),
        Active("closed", "checks", 9, C),
        Active("never seen", "checks", 10, A),
    ]
    assert list(stale(made, active)) == [
        Cancel(
            "stale",
            f"Cancelled: pull request 7 has moved on to commit {B[:7]}, which another run builds.",
        ),
        Cancel("closed", "Cancelled: pull request 9 was closed or merged."),
    ]
    assert list(stale(decided(*pulls, seen=made.seen["checks"]), active)) == []


def test_the_first_sight_gives_nothing_up():
    assert list(stale(decided(seen=None), [Active("by hand", "checks", 7, A)])) == []


def test_a_job_that_is_off_says_so_and_builds_the_same_head_once_it_is_on():
    off = replace(job(), off=(Off("job", "jobs.checks.execute_steps.0: is wrong"),))
    made = decided(OPEN, seen=Handled(), of=off)
    assert made.starts == ()
    assert made.refusals == (
        Refuse(
            off,
            OPEN,
            "Pull request 7 is not built. The job is off: jobs.checks.execute_steps.0: is wrong",
        ),
    )
    again = decided(OPEN, seen=made.seen["checks"], of=off)
    assert (again.starts, again.refusals) == ((), ())
    assert started(decided(OPEN, seen=made.seen["checks"])) == [(7, A)]


def planned(*pulls: PullRequest, seen: Mapping[str, Handled]) -> Plan:
    return plan(pulls, [job(), job(name="lint")], seen, branches={"staging": "main"})


def test_a_plan_is_left_with_the_starts_of_some_jobs():
    """No test here noticed when the starts of deactivated jobs stayed, to give up older runs."""
    made = planned(OPEN, seen={"checks": Handled({8: A}), "lint": Handled()})
    assert [each.job.name for each in made.starts] == ["checks", "lint"]
    left = made.only({"lint"})
    assert [each.job.name for each in left.starts] == ["lint"]
    assert (left.seen, left.closed) == (made.seen, made.closed)


def test_a_refusal_that_was_not_told_comes_again_and_no_other():
    """No test here noticed when a refusal that nobody was told of was lost, or one told twice."""
    pulls = (FORK, replace(FORK, number=8), replace(OPEN, number=9))
    made = planned(*pulls, seen={"checks": Handled(), "lint": Handled()})
    told, untold = made.refusals[:-1], made.refusals[-1:]
    assert len(told) == 3
    again = planned(*pulls, seen=made.without(untold).seen)
    assert (again.starts, again.refusals) == ((), untold)
    assert again.seen == made.seen


def test_only_the_starts_of_jobs_that_may_start_count():
    """A deactivated job starts nothing, and gives up no run for it; what was closed stays so."""
    jobs = [job(name="checks"), job(name="other")]
    before = {each.name: Handled({9: B}) for each in jobs}
    made = plan([OPEN], jobs, before, branches={"staging": "main"})
    assert [each.job.name for each in made.starts] == ["checks", "other"]
    allowed = made.only({"other"})
    assert [each.job.name for each in allowed.starts] == ["other"]
    assert (allowed.seen, allowed.closed) == (made.seen, made.closed)
    assert made.only(()).starts == ()
