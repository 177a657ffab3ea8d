from bench.outcomes import Outcome, outcome_table


def test_the_median_decides_whether_a_promise_is_kept():
    assert Outcome("load", "1,000 models", 3, "s", [2.0, 3.0, 99.0]).is_met
    assert not Outcome("load", "1,000 models", 3, "s", [1.0, 3.1, 3.2]).is_met


def test_a_line_shows_promise_median_and_spread():
    outcomes = [
        Outcome("load", "1,000 models", 3, "s", [2.04, 3.0, 2.5], [1.9, 2.1, 2.0]),
        Outcome("its memory", "1,000 models", 1024, "MiB", [1500.4]),
        Outcome("a tick", "50 jobs", 0.3, "s", [0.0151, 0.007]),
    ]
    assert outcome_table(outcomes).splitlines()[2:] == [
        "| load | 1,000 models | ≤ 3 s | 2.5 s | 2.0–3.0 | 2.0 s | 3 | yes |",
        "| its memory | 1,000 models | ≤ 1,024 MiB | 1500 MiB | 1500–1500 |  | 1 | no |",
        "| a tick | 50 jobs | ≤ 0.3 s | 0.011 s | 0.007–0.015 |  | 2 | yes |",
    ]
