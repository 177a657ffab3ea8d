"""Mutations of a configuration, tried one after the other.

`python -m tests.support.malformed.mutated --seed 1 --count 2000`.
"""

import argparse
import contextlib
import io
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Generator, Iterable
from pathlib import Path
from unittest import mock

from deploy_project import cli
from deploy_project.cli.check import versions
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.state import StateDirectory
from deploy_project.orchestration.listeners import LISTENERS
from deploy_project.orchestration.location import definitions
from tests.support.malformed.mutations import CANARY, Case, cases

SECONDS = 60
"""The longest that one case may take; most take a tenth of a second."""
_DEFECTS = re.compile(
    r"Traceback|this is a defect|pydantic|<class |object at 0x|\bNoneType\b|validation error"
)
_LINE = re.compile(r"\S.*?:\d+: .+: .+; .+", re.DOTALL)


class _Hang(BaseException):
    """A case has taken too long."""


def fault(case: Case, root: Path) -> tuple[str, str]:
    """Return the outcome of one case, and what is wrong with it; empty when nothing is.

    Works in `root`, which is emptied first.
    """
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    canary = root / "canary"
    for name, content in case.files.items():
        (root / name).write_bytes(content.replace(CANARY.encode(), str(canary).encode()))
    outcome, wrong = "none", ""
    try:
        with _limited():
            outcome, wrong = _checked(root)
    except _Hang:
        wrong = f"hangs\n{traceback.format_exc(limit=-8)}"
    except BaseException:
        wrong = traceback.format_exc(limit=-8)
    if canary.exists():
        wrong = f"has executed something\n{wrong}"
    return outcome, wrong


def _checked(root: Path) -> tuple[str, str]:
    config, state = root / "deploy.yaml", root / "state"
    out, err = io.StringIO(), io.StringIO()
    named = {"DEPLOY_CONFIG": str(config), "DEPLOY_STATE": str(state)}
    with (
        mock.patch.dict(os.environ, named),
        mock.patch.object(versions, "verify", _verified),  # asks the package index
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = cli.main(["check"])
    said = out.getvalue() + err.getvalue()
    out.getvalue().encode()  # a terminal takes no half of a surrogate pair
    if code not in (0, 1) or _DEFECTS.search(said):
        return "failed", said
    if code == 0:
        deployment = load_deployment(config, state=state)
        made = definitions(
            deployment, StateDirectory(state), pointers={}, listeners=LISTENERS
        ).get_repository_def()
        assert made.job_names
        return "accepted", ""
    told = err.getvalue().removeprefix("deploy-project check: ").strip().splitlines()
    unclear = [line for line in told if not _LINE.match(line) and not _is_counted(line)]
    return "refused", "\n".join(unclear)


def _verified(*_: object) -> None:
    """Take every version of dbt for one that can be had."""


def _is_counted(line: str) -> bool:
    """Return whether a line counts the problems, or is one that has no place in a file."""
    return bool(re.fullmatch(r"\d+ problems?", line)) or line.startswith("environments.")


@contextlib.contextmanager
def _limited() -> Generator[None]:
    def hang(*_: object) -> None:
        raise _Hang

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def faults(tried: Iterable[Case], root: Path) -> tuple[Counter[str], list[str]]:
    """Return how often each outcome was had, and a text for each case that went wrong."""
    outcomes, wrong = Counter[str](), list[str]()
    for case in tried:
        begin = time.monotonic()
        outcome, what = fault(case, root)
        outcomes[outcome] += 1
        if time.monotonic() - begin > SECONDS / 4:
            print(f"{case.name}: {time.monotonic() - begin:.0f} s", file=sys.stderr)
        if what:
            wrong.append(f"{case.name}: {what}")
    return outcomes, wrong


def main() -> int:
    """Try the mutations of a seed, and print what is wrong with them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--only", type=int, help="one case, whose files are kept and named")
    given = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="mutated-"))
    begin = time.monotonic()
    if given.only is not None:
        tried = (each for each in [*cases(given.seed, given.only + 1)][-1:])
    else:
        tried = cases(given.seed, given.count)
    outcomes, wrong = faults(tried, root / "case")
    print("\n".join(wrong))
    counted = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
    seconds = time.monotonic() - begin
    print(f"seed {given.seed}: {counted}; {len(wrong)} wrong; {seconds:.0f} s")
    if given.only is not None:
        print(root / "case")
    else:
        shutil.rmtree(root)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
