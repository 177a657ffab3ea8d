"""The room in the file of the API's jobs: a flood of one project leaves some to the others."""

from pathlib import Path

import pytest

from deploy_project.api.changes.room import Entries, has_room
from tests.support.history.past_front import deployment

SHOP, LAB = 20, 22
"""Environments of two projects."""
MOST = 10_000


def entries(**sizes: tuple[int, int]) -> Entries:
    """Jobs by name, of an environment and so many bytes."""
    return {
        name: {"environment_id": environment, "description": "x" * size}
        for name, (environment, size) in sizes.items()
    }


def fits(before: Entries, **added: tuple[int, int]) -> bool:
    known = deployment(Path("deploy.yaml"))
    after = {**before, **entries(**added)}
    return has_room(known, [*added][-1], before=before, after=after, most=MOST)


@pytest.mark.parametrize(("size", "expected"), [(4_800, True), (5_100, False)])
def test_a_project_takes_as_much_as_it_leaves(size: int, *, expected: bool):
    assert fits({}, flood=(SHOP, size)) is expected


def test_a_flood_leaves_room_to_others():
    flood = entries(flood=(SHOP, 4_800))
    assert not fits(flood, more=(SHOP, 200))
    assert fits(flood, other=(LAB, 2_000))
    assert not fits({**flood, **entries(other=(LAB, 2_000))}, more=(LAB, 3_000))


def test_what_is_not_made_larger_can_be_changed():
    """Else nobody could mend a job once the file is full."""
    full = entries(flood=(SHOP, 9_900))
    assert fits(full, flood=(SHOP, 9_900))
    assert fits(full, flood=(SHOP, 9_000))
    assert not fits(full, flood=(SHOP, 9_905))


def test_a_deletion_always_can():
    full = entries(flood=(SHOP, 9_900), other=(LAB, 50))
    known = deployment(Path("deploy.yaml"))
    assert has_room(known, "flood", before=full, after=entries(other=(LAB, 50)), most=MOST)
