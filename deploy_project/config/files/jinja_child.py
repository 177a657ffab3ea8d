"""The program that renders Jinja: a process of its own, with little time and memory.

It imports nothing of this package, and answers with a line of JSON for each text that it is given.
"""

import json
import pickle
import resource
import sys
from contextlib import suppress
from typing import Any

SECONDS = 5
"""The processor time of one text."""
MEMORY = 512 << 20
LARGEST = 1 << 20
"""The characters of a rendered text, as many as a file may have bytes."""
_TEMPLATE = "<template>"


class _TooLarge(Exception):  # noqa: N818 - never leaves this file
    """A text that has become too large."""


def _rendered(environment: Any, text: str, values: dict[Any, Any]) -> str:
    parts: list[str] = []
    size = 0
    for part in environment.from_string(text).generate(values):
        size += len(part)
        if size > LARGEST:
            raise _TooLarge
        parts.append(part)
    return "".join(parts)


def _names(environment: Any, text: str) -> dict[str, int]:
    """Return the variables that a template wants, with the line of the first use."""
    from jinja2 import meta, nodes

    tree = environment.parse(text)
    wanted = meta.find_undeclared_variables(tree)
    found: dict[str, int] = {}
    for node in tree.find_all(nodes.Name):
        if node.name in wanted:
            found.setdefault(node.name, node.lineno)
    return found


def _line(error: BaseException) -> int:
    """Return the line of the template that has failed."""
    line, frame = 1, error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == _TEMPLATE:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


def _answer(environment: Any, text: str, values: dict[Any, Any] | None) -> dict[str, Any]:
    from jinja2.exceptions import SecurityError, TemplateSyntaxError, UndefinedError

    names: dict[str, int] = {}
    try:
        names = _names(environment, text)
        if values is None:
            return {"names": names}
        return {"text": _rendered(environment, text, values)}
    except TemplateSyntaxError as error:
        return {"syntax": str(error.message), "line": error.lineno}
    except UndefinedError as error:
        missing = {name: line for name, line in names.items() if name not in (values or {})}
        return {"undefined": str(error.message), "missing": missing, "line": _line(error)}
    except SecurityError as error:
        return {"failed": f": {error}", "line": _line(error)}
    except _TooLarge:
        return {"failed": f": it becomes larger than {LARGEST >> 20} MiB", "line": 1}
    except MemoryError as error:
        return {"failed": f": it needs more than {MEMORY >> 20} MiB", "line": _line(error)}
    except Exception as error:  # an expression in a template can fail in any way
        return {"failed": f" ({type(error).__name__})", "line": _line(error)}


def main() -> None:
    """Render the texts that stand in the standard input."""
    path, values, texts = pickle.load(sys.stdin.buffer)  # noqa: S301
    sys.path[:] = path
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    environment: Any = SandboxedEnvironment(undefined=StrictUndefined)
    with suppress(ValueError, OSError):  # not every system limits this
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for text in texts:
        spent = resource.getrusage(resource.RUSAGE_SELF)
        until = int(spent.ru_utime + spent.ru_stime) + SECONDS + 1
        resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))
        print(json.dumps(_answer(environment, text, values)), flush=True)


if __name__ == "__main__":
    main()
