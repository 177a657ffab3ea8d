import threading
from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.releases.pointer import Pointer, deployed, move

A = Pointer("a" * 40, "prod-0123456789abcdef")
B = Pointer("b" * 40, "prod-fedcba9876543210")


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path)


@pytest.mark.parametrize("pointer", [A, B])
def test_a_pointer_is_text_and_back(pointer: Pointer):
    assert Pointer.parse(f"{pointer}\n") == pointer


@pytest.mark.parametrize("text", ["", "\n", "a" * 40])
def test_other_text_is_no_pointer(text: str):
    assert Pointer.parse(text) is None


def test_each_environment_has_its_own_pointer(state: StateDirectory):
    assert deployed(state, "prod") is None
    move(state, "prod", A)
    move(state, "staging", B)
    assert (deployed(state, "prod"), deployed(state, "staging")) == (A, B)
    move(state, "prod", B)
    assert deployed(state, "prod") == B
    assert {each.name for each in state.deployed("prod").parent.iterdir()} == {"prod", "staging"}


def test_a_reader_never_sees_half_a_pointer(state: StateDirectory):
    move(state, "prod", A)
    done = threading.Event()

    def flip() -> None:
        for turn in range(200):
            move(state, "prod", B if turn % 2 else A)
        done.set()

    writer = threading.Thread(target=flip)
    writer.start()
    seen = set[Pointer | None]()
    while not done.is_set():
        seen.add(deployed(state, "prod"))
    writer.join()
    assert seen <= {A, B}
