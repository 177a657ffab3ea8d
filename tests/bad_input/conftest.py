import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bad_input.deployed import Deployed, copy, make
from tests.support.documented_messages import Met


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return make(tmp_path_factory.mktemp("template"))


@pytest.fixture
def deployed(template: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """A deployment that works, in the working directory, as people have it."""
    made = copy(template, tmp_path)
    monkeypatch.chdir(made.root)
    monkeypatch.setenv("DEPLOY_CONFIG", str(made.root / "deploy.yaml"))
    monkeypatch.setenv("DEPLOY_STATE", str(made.state.root))
    return made


@pytest.fixture(scope="session")
def met() -> Met:
    """Asserts that docs/errors.md lists a message."""
    return Met()


@pytest.fixture
def mount(met: Met) -> Iterator[Callable[..., None]]:
    """Mount something until the test has ended; skips where that is not permitted."""
    mounted: list[Path] = []

    def mount(place: Path, *arguments: str) -> None:
        command = ["mount", *arguments, str(place)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            met.incomplete = f"mounting is not permitted here: {done.stderr.strip()}"
            pytest.skip(met.incomplete)
        mounted.append(place)

    yield mount
    for place in reversed(mounted):
        subprocess.run(["umount", str(place)], check=True)
