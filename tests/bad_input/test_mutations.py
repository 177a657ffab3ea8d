"""Mutations of a valid configuration: none ends in a traceback, hangs, or is taken and won't load.

`make mutations SEED=7` tries 2,000 others.
"""

from pathlib import Path

import pytest

from tests.support.malformed.mutated import faults
from tests.support.malformed.mutations import FILES, Case, case, cases

SEED, COUNT = 20261130, 200


@pytest.mark.filterwarnings("ignore")
def test_nothing_goes_wrong(tmp_path: Path):
    outcomes, wrong = faults(cases(SEED, COUNT), tmp_path / "case")
    assert wrong == []
    assert outcomes["accepted"] > COUNT / 20
    assert outcomes["refused"] > COUNT / 4


def test_the_configuration_that_is_mutated_is_valid(tmp_path: Path):
    whole = Case("whole", {name: text.encode() for name, text in FILES.items()})
    assert faults([whole], tmp_path / "case") == ({"accepted": 1}, [])


def test_a_seed_always_makes_the_same_cases():
    assert case(7, 3) == [*cases(7, 4)][3]
    assert len({str(each.files) for each in cases(7, 50)}) > 40
