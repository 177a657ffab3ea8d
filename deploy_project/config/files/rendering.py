"""Jinja over the text of jobs files, rendered in a sandbox in a process of its own."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deploy_project.config.files import jinja_child
from deploy_project.config.files.problems import Problems

_CHILD = Path(jinja_child.__file__)
_MARKS = ("{{", "{%", "{#")
_PATIENCE = 60
"""Seconds that the child may take for a text, processor time aside: the machine may be busy."""
_CHILDREN = 3
"""So many may die; each takes seconds to."""

Answer = Mapping[str, Any]


def rendered(
    texts: Mapping[Path, str], values: Mapping[str, Any] | None, problems: Problems
) -> dict[Path, str]:
    """Return the texts of files without Jinja; one that can't be rendered is a problem instead.

    `values` are those of the vars files, None where there are none: a file that uses a variable
    then is a problem, and any other stays as it is. Without Jinja no process is started.
    """
    found = dict(texts)
    templates = {file: text for file, text in texts.items() if any(mark in text for mark in _MARKS)}
    answers = _answers([*templates.values()], values)
    for (file, text), answer in zip(templates.items(), answers, strict=True):
        told = [*_told(answer, values)]
        for line, what, remedy in told:
            problems.add_line(file, line, f"(file): {what}; {remedy}")
        if told:
            del found[file]
        else:
            found[file] = answer.get("text", text)
    return found


def _told(answer: Answer, values: Mapping[str, Any] | None) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the fault and the remedy of all that is wrong with a template."""
    if "syntax" in answer:
        yield answer["line"], f"is not a Jinja template: {answer['syntax']}", "correct it"
    elif "failed" in answer:
        yield answer["line"], f"can't be rendered{answer['failed']}", "correct it"
    elif "undefined" in answer:
        for name, line in answer["missing"].items():
            what = f"uses the variable {name!r}, found no such name in the vars files"
            yield line, what, "define it there"
        if not answer["missing"]:
            yield answer["line"], f"can't be rendered: {answer['undefined']}", "correct it"
    elif values is None:
        for name, line in answer["names"].items():
            what = f"uses the variable {name!r}, found no vars file"
            yield line, what, "list one under `vars_files` in deploy.yaml"


def _answers(texts: list[str], values: Mapping[str, Any] | None) -> list[Answer]:
    answers: list[Answer] = []
    for _ in range(_CHILDREN):
        if len(answers) < len(texts):
            answers += _of_one_child(texts[len(answers) :], values)
    late: Answer = {"failed": ": others before it took too long, correct those first", "line": 1}
    return [*answers, *(late for _ in texts[len(answers) :])]


def _of_one_child(texts: list[str], values: Mapping[str, Any] | None) -> Iterator[Answer]:
    """Yield an answer for each text up to the one that the child has died of."""
    path = [each for each in sys.path if os.path.isabs(each)]
    given = pickle.dumps((path, None if values is None else dict(values), texts))
    program = [sys.executable, "-I", "-S", str(_CHILD)]
    try:
        done = subprocess.run(
            program,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE * len(texts),
            check=False,
        )
        said = done.stdout
    except subprocess.TimeoutExpired as error:
        said = error.stdout or b""
    lines = said.splitlines()
    yield from map(json.loads, lines)
    if len(lines) < len(texts):
        seconds = jinja_child.SECONDS
        yield {"failed": f": it takes longer than {seconds} s, or too much memory", "line": 1}
