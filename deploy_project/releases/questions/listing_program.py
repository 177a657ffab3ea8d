"""The program that lists the nodes of many selections by one parse; `child` runs it beside dbt.

It imports nothing of this package. Its one argument is JSON: `{"parse": [<argument>, …],
"selections": {<key>: [<option>, …], …}, "result": <path>}`. The result is JSON, too: the unique
ids for each key, or null where dbt has refused. Exit codes: 0 for that, 2 when dbt could not parse.
"""

import contextlib
import io
import json
from typing import Any


def main(arguments: list[str]) -> int:
    """List as the argument says; return the exit code."""
    from dbt.cli.main import dbtRunner

    runner: Any = dbtRunner
    wanted = json.loads(arguments[0])
    with contextlib.redirect_stdout(io.StringIO()):
        parsed = runner().invoke(wanted["parse"])
    if not parsed.success:
        print(parsed.exception or "dbt has not said why", flush=True)
        return 2
    found: dict[str, list[str] | None] = {}
    for key, options in wanted["selections"].items():
        with contextlib.redirect_stdout(io.StringIO()):
            listed = runner(parsed.result).invoke([*_LIST, *options])
        if isinstance(listed.exception, KeyboardInterrupt):
            raise listed.exception
        if not listed.success:
            print(f"{' '.join(options)}: {listed.exception}", flush=True)
        found[key] = _ids(listed.result or ()) if listed.success else None
    with open(wanted["result"], "w", encoding="utf-8") as stream:
        json.dump(found, stream)
    return 0


_LIST = ("ls", "--quiet", "--no-write-json", "--output", "json", "--output-keys", "unique_id")


def _ids(lines: Any) -> list[str]:
    return [json.loads(each)["unique_id"] for each in lines]
