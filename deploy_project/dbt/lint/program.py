"""The program that lints with SQLFluff; `child` runs it with the Python that has SQLFluff.

It imports nothing of this package. Its one argument is JSON: `{"root": <directory>, "files":
[<absolute path>, …], "dialect": <for files without>, "config": <path>, "result": <path>}`. The
findings are written to `result`: `{"sqlfluff": <version>, "linted": [<path>, …], "skipped":
[<path>, …], "ignored": [<path>, …], "violations": [{"file", "line", "column", "code", "rule",
"message", "warning"}, …], "notes": [<text>, …], "failed": <number>}`. Exit codes: 0 for that, 2
when SQLFluff refused.
"""

import importlib
import json
import logging
import os
from collections import defaultdict
from typing import Any


class Notes(logging.Handler):
    """Collects the warnings of SQLFluff, such as those of files that it skips."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Remember one warning."""
        self.said.append(record.getMessage())


def main(arguments: list[str]) -> int:
    """Lint as the argument says; return the exit code."""
    wanted = json.loads(arguments[0])
    os.chdir(wanted["root"])  # SQLFluff looks for configuration from here on, as of its import
    core: Any = importlib.import_module("sqlfluff.core")
    notes = Notes()
    logging.getLogger("sqlfluff").addHandler(notes)
    try:
        found = _linted(core, wanted, notes.said)
    except core.SQLFluffUserError as error:
        print(error, flush=True)
        return 2
    version = importlib.import_module("sqlfluff").__version__
    content = json.dumps({"sqlfluff": version, **found, "notes": notes.said})
    with open(wanted["result"], "w", encoding="utf-8") as stream:
        stream.write(content)
    return 0


def _linted(core: Any, wanted: dict[str, Any], said: list[str]) -> dict[str, Any]:
    discovery: Any = importlib.import_module("sqlfluff.core.linter.discovery")
    exact = [each for each in wanted["files"] if discovery.paths_from_path(each)]
    records: list[dict[str, Any]] = []
    failed = len(exact)
    for dialect, files in _by_dialect(core, exact, wanted).items():
        overrides = {"dialect": dialect} if dialect else None
        config = core.FluffConfig.from_root(wanted["config"], False, overrides, False)
        result = core.Linter(config=config).lint_paths(tuple(files), retain_files=False)
        found = result.as_records()
        records += found
        failed -= len(found) + result.files_skipped
    # A file that the templater skips has a clean record all the same, and a note that names it.
    skipped = [each for each in exact if any(each in note for note in said)]
    return {
        "linted": [each["filepath"] for each in records if each["filepath"] not in skipped],
        "skipped": skipped,
        "ignored": [each for each in wanted["files"] if each not in exact],
        "violations": [_violation(each, one) for each in records for one in each["violations"]],
        "failed": failed,
    }


def _by_dialect(core: Any, files: list[str], wanted: dict[str, Any]) -> dict[str, list[str]]:
    """Return the files by the dialect to give them: none where the repository names one."""
    configured: dict[str, bool] = {}
    found: defaultdict[str, list[str]] = defaultdict(list)
    for each in files:
        directory = os.path.dirname(each)
        if directory not in configured:
            config = core.FluffConfig.from_path(directory, require_dialect=False)
            configured[directory] = config.get("dialect") is not None
        found["" if configured[directory] else wanted["dialect"]].append(each)
    return found


def _violation(record: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    return {
        "file": record["filepath"],
        "line": one["start_line_no"],
        "column": one["start_line_pos"],
        "code": one["code"],
        "rule": one["name"],
        "message": one["description"],
        "warning": one["warning"],
    }
