"""Has Dagster start the code server again after it was killed; Dagster waits for a person to ask.

Nobody tells the rest of Dagster that the code server is gone, so a small process beside it waits
for the end of a pipe: the kernel closes it however the code server ends.
"""

import atexit
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

GOODBYE = b"goodbye"
PAUSE_SECONDS = 10
"""Before each attempt; Dagster may be going down, or be on its way up again."""
ATTEMPTS = 12
_RELOAD_SECONDS = 300


def is_code_server(arguments: Sequence[str]) -> bool:
    """Return whether `arguments` are those of the process that serves a code location."""
    return list(arguments[1:3]) == ["api", "grpc"]


def watch(
    url: str, ours: Mapping[str, str], watcher: Sequence[str] = (sys.executable, "-m", __name__)
) -> None:
    """Have this process started again by the Dagster at `url` when it is killed.

    Nothing happens when it ends by itself, as it does after each reload. `ours` is the identity
    that the location publishes, and `watcher` the command of the process that waits for the end.
    """
    process = subprocess.Popen(watcher, stdin=subprocess.PIPE)
    assert process.stdin is not None
    told = json.dumps({"url": url, "ours": dict(ours)})
    process.stdin.write(told.encode() + b"\n")
    process.stdin.flush()
    atexit.register(process.communicate, GOODBYE)


def revive(url: str, *, reload: Callable[[str], None], pause: Callable[[], None]) -> str:
    """Have Dagster load the location again, in `ATTEMPTS`; return a sentence on the outcome."""
    why = ""
    for _ in range(ATTEMPTS):
        pause()
        try:
            reload(url)
        except Exception as error:  # whatever it is, the next attempt may do better
            why = str(error)
        else:
            return "The code server had ended unexpectedly; Dagster has started it again."
    return (
        "The code server has ended unexpectedly and could not be started again; reload the code "
        f"location in the UI, or restart Dagster: {why}"
    )


def _reload(url: str, ours: Mapping[str, str]) -> None:
    # A second and 100 MB that only a killed one is worth.
    from deploy_project.runs.instance.identity import Identity
    from deploy_project.runs.instance.launching import Dagster

    identity = Identity.published(ours)
    assert identity is not None
    Dagster(url, identity).reload(timeout=_RELOAD_SECONDS)


def main() -> None:
    """Wait for the end of the code server, and have it started again unless it was wanted."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for Dagster, which then ends us
    told = json.loads(sys.stdin.buffer.readline())
    if sys.stdin.buffer.read() == GOODBYE:
        return
    said = revive(
        told["url"],
        reload=lambda url: _reload(url, told["ours"]),
        pause=lambda: time.sleep(PAUSE_SECONDS),
    )
    print(said, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
