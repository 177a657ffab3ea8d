from deploy_project.api.http import limits
from deploy_project.api.http.limits import Counts


def test_requests_beyond_the_limit_wait_for_the_next_minute():
    counts = Counts()

    def wait(now: float, caller: str = "airflow") -> float:
        return counts.seconds_to_wait(caller, most=2, now=now)

    assert [wait(now) for now in (100.0, 110.0, 120.0, 159.0)] == [0, 0, 40, 1]
    assert wait(120.0, "other") == 0, "each caller has a count of its own"
    assert [wait(now) for now in (160.0, 161.0, 162.0)] == [0, 0, 58]


def test_a_window_may_be_longer():
    counts = Counts(3600.0)
    assert [counts.seconds_to_wait("", most=1, now=now) for now in (0.0, 60.0)] == [0, 3540]


def test_callers_of_the_past_are_forgotten_and_too_many_share_a_count(monkeypatch):
    monkeypatch.setattr(limits, "_MANY", 10)
    monkeypatch.setattr(limits, "_MOST", 20)
    counts = Counts()
    for number in range(1_000):
        counts.seconds_to_wait(f"{number}", most=1, now=number * 10.0)
    assert len(counts._windows) <= 16
    for number in range(100):
        counts.seconds_to_wait(f"at once {number}", most=1, now=20_000.0)
    assert len(counts._windows) <= 21
    assert counts.seconds_to_wait("another", most=1, now=20_001.0) > 0, "it shares with the others"
    assert counts.seconds_to_wait("at once 0", most=2, now=20_001.0) == 0
