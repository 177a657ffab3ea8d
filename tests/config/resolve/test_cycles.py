import pytest

from deploy_project.config.resolve.completions import cycles


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ({}, []),
        ({"b": "a", "c": "b", "d": "a"}, []),
        ({"c": "ab", "d": "abc"}, []),
        ({"a": "a"}, [("a",)]),
        ({"a": "b", "b": "a"}, [("a", "b")]),
        ({"a": "c", "b": "a", "c": "b", "d": "a"}, [("a", "b", "c")]),
        ({"a": "b", "b": "a", "x": "y", "y": "x"}, [("a", "b"), ("x", "y")]),
        ({"a": "xb", "b": "ya"}, [("a", "b")]),
        ({f"{n:04}": [f"{n - 1:04}"] for n in range(1, 2000)}, []),
        (
            {f"{n:04}": [f"{(n - 1) % 2000:04}"] for n in range(2000)},
            [tuple(f"{n:04}" for n in range(2000))],
        ),
    ],
    ids=[
        *("none", "tree", "several parents", "itself", "two", "three and a tail", "two rings"),
        *("through one of several parents", "a long chain", "a long ring"),
    ],
)
def test_cycles(parents: dict[str, str | list[str]], expected: list[tuple[str, ...]]):
    assert list(cycles(parents)) == expected


def test_rings_that_share_a_job_are_told_one_after_the_other():
    assert len(list(cycles({"a": "bc", "b": "a", "c": "a"}))) == 1
