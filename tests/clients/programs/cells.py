"""The cells that the program of a client reports; runs in any Python from 3.9 on."""

import inspect
import json
import os
import sys
import time
import traceback
from contextlib import contextmanager, suppress

URL = os.environ["FRONT_URL"]
HTTP_URL = os.environ["FRONT_HTTP_URL"]
HOST = os.environ["FRONT_HOST"]
TOKEN = os.environ["FRONT_TOKEN"]
ACCOUNT = int(os.environ["FRONT_ACCOUNT"])
PROJECT = int(os.environ["FRONT_PROJECT"])
ENVIRONMENT = int(os.environ["FRONT_ENVIRONMENT"])
DAILY, FAILING, FLAKY, ENDLESS = json.loads(os.environ["FRONT_JOBS"])
"""The ids of jobs: one that succeeds, one that fails, one that fails once, one without an end."""
RUNNING, SUCCESS, ERROR, CANCELLED = 3, 10, 20, 30
_PATIENCE = 300  # seconds


def break_flaky():
    """Let the next run of the job `FLAKY` fail in its second command; the one after it succeeds."""
    with suppress(FileNotFoundError):
        os.remove(os.environ["FRONT_MENDED"])


@contextmanager
def cell(name):
    """Report the cell `name` as full unless an error comes out; yield what adds a remark."""
    said = []
    try:
        yield said.append
    except BaseException as error:
        traceback.print_exc()
        report(name, ok=False, said=f"{type(error).__name__}: {error}"[:500])
    else:
        report(name, ok=True, said="; ".join(map(str, said)))


def lacks(name, what, *words):
    """Report the cell `name` as empty: no name in a class or module has one of the words."""
    found = [each for each in dir(what) if any(word in each.lower() for word in words)]
    found = [each for each in found if not _is_error(getattr(what, each))]
    if found:
        report(name, ok=False, said=f"{what.__name__} has {found}, which the program does not use")
        return
    place = _place(what)
    report(name, ok=None, said=f"{place}: `{what.__name__}` has no {' or '.join(words)}")


def _is_error(found):
    return isinstance(found, type) and issubclass(found, BaseException)


def _place(what):
    file = inspect.getsourcefile(what)
    for root in sorted(sys.path, key=len, reverse=True):
        if root and file.startswith(root + os.sep):
            file = os.path.relpath(file, root)
            break
    line = 1 if inspect.ismodule(what) else inspect.getsourcelines(what)[1]
    return f"{file}:{line}"


def report(name, ok, said):
    """Write the line of one cell: full, failed, or (`ok` is None) empty with its reason."""
    line = json.dumps({"cell": name, "ok": ok, "said": said})
    with open(os.environ["FRONT_CELLS"], "a", encoding="utf-8") as file:
        file.write(line + "\n")
    print(line, flush=True)


def until(found, seconds=_PATIENCE):
    """Return what `found` returns as soon as that is true."""
    end = time.monotonic() + seconds
    while True:
        last = found()
        if last:
            return last
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.5)


def nodes(run_results):
    """Return the names and statuses in a run_results.json."""
    return {each["unique_id"].split(".")[-1]: each["status"] for each in run_results["results"]}
