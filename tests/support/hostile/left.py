"""What a hostile pull request leaves in its target directory, and writes among dbt's events."""

from dataclasses import dataclass

_METADATA = '{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/%s/v6.json"}, '
_RESULT = '{"unique_id": "model.tiny.orders", "status": "success"'
_ARTIFACTS = ("manifest.json", "run_results.json")


@dataclass(frozen=True)
class Left:
    """A deed with `target`, the directory of artifacts, when dbt has written them."""

    name: str
    code: str

    @property
    def model(self) -> str:
        """The text of a Python model that does it when dbt has ended."""
        return _MODEL.replace("CODE", repr(self.code))


@dataclass(frozen=True)
class Events:
    """Bytes that a Python model writes to the descriptor of dbt's events; `says` is the error."""

    name: str
    written: str
    """An expression of Python."""
    says: str = "a line among dbt's events is none"
    """Empty for a run that succeeds all the same."""

    @property
    def model(self) -> str:
        return _WRITER.replace("WRITTEN", self.written)


_MODEL = """
def model(dbt, session):
    dbt.config(materialized="table")
    import atexit, os, pathlib, shutil, sys
    target = pathlib.Path(os.environ["DBT_TARGET_PATH"])
    known = {"target": target, "os": os, "shutil": shutil, "pathlib": pathlib, "sys": sys}
    atexit.register(lambda: exec(CODE, known))
    return session.sql("select 1 as id")
"""
_WRITER = """
def model(dbt, session):
    dbt.config(materialized="table")
    import os
    from dbt_common.events.event_manager_client import get_event_manager

    (writer,) = (each for each in get_event_manager().callbacks if hasattr(each, "_events"))
    data = memoryview(WRITTEN)
    with writer._lock:  # else an event of another node may come in between
        while data:
            data = data[os.write(writer._events.fileno(), data):]
    return session.sql("select 1 as id")
"""


def _text(file: str, text: str) -> str:
    return f"(target / {file!r}).write_text({text!r})"


def _results(entry: str) -> str:
    return _text(
        "run_results.json", _METADATA % "run-results" + f'"args": {{}}, "results": [{entry}]}}'
    )


def _manifest(nodes: str, more: str = '"sources": {}') -> str:
    return _text("manifest.json", _METADATA % "manifest" + f'"nodes": {nodes}, {more}}}')


_CONTENTS = {
    "garbage": "write_bytes(b'\\x00\\xff\\xfe garbage')",
    "empty": "write_bytes(b'')",
    "a_list": "write_text('[]')",
    "null": "write_text('null')",
    "no_metadata": "write_text('{\"results\": []}')",
    "deep": "write_text('[' * 200000)",
    "digits": "write_text('9' * 10000)",
}
LEFT = [
    *(
        Left(f"{file.partition('.')[0]}_{name}", f"(target / {file!r}).{code}")
        for file in _ARTIFACTS
        for name, code in _CONTENTS.items()
    ),
    *(
        Left(f"{file.partition('.')[0]}_garbage", f"(target / {file!r}).write_bytes(b'\\xff\\x00')")
        for file in (
            "sources.json",
            "catalog.json",
            "partial_parse.msgpack",
            "semantic_manifest.json",
            "graph.gpickle",
        )
    ),
    Left(
        "results_that_are_no_text",
        "(target / 'run_results.json').write_bytes((target / 'run_results.json').read_bytes() + b'\\xff')",
    ),
    Left("results_of_numbers", _results("7")),
    Left("results_without_ids", _results("{}")),
    Left("results_of_number_ids", _results('{"unique_id": 7, "status": "success"}')),
    Left("results_of_list_status", _results('{"unique_id": "a", "status": []}')),
    Left(
        "results_of_odd_ids",
        _results('{"unique_id": "", "status": "error"}, {"unique_id": "...", "status": "fail"}'),
    ),
    Left("results_of_half_a_letter", _results(_RESULT + ', "message": "\\ud800"}')),
    Left(
        "results_of_escapes",
        _results(
            '{"unique_id": "model.tiny.</details>\\u001b[2J|`x", "status": "error", "message": "@everyone <script>```"}'
        ),
    ),
    Left(
        "results_of_odd_times",
        _results(
            _RESULT
            + ', "timing": [{"name": "execute", "started_at": "0001-01-01T00:00:00", "completed_at": "9999-12-31T23:59:59"}], "thread_id": "x"}'
        ),
    ),
    Left(
        "results_before_time",
        _results(
            _RESULT
            + ', "timing": [{"name": "execute", "started_at": "0001-01-01T00:00:00+14:00", "completed_at": "x"}]}'
        ),
    ),
    Left("results_of_infinity", _results(_RESULT + ', "execution_time": Infinity}')),
    Left(
        "results_of_a_test_in_sql",
        _results(
            '{"unique_id": "test.tiny.a", "status": "fail", "failures": 1, "compiled_code": "select * from read_text(\'VICTIM/secret.csv\')"}'
        ),
    ),
    Left(
        "results_of_another_word",
        _results('{"unique_id": "model.tiny.orders", "status": "\\u001b[31mpwned\\n::error::"}'),
    ),
    Left("manifest_of_numbers", _manifest('{"model.tiny.orders": 7}')),
    Left("manifest_of_a_list", _manifest("[]")),
    Left(
        "manifest_of_a_circle",
        _manifest(
            '{"model.tiny.orders": {"depends_on": {"nodes": ["model.tiny.revenue"]}}, "model.tiny.revenue": {"depends_on": {"nodes": ["model.tiny.orders"]}}}'
        ),
    ),
    Left("manifest_without_sources", _manifest("{}", '"macros": []')),
    Left(
        "manifest_of_number_parents",
        _manifest('{"model.tiny.orders": {"depends_on": {"nodes": [7]}}}'),
    ),
    Left("a_link_to_a_secret", "(target / 'evil.txt').symlink_to('VICTIM/secret.csv')"),
    Left(
        "results_are_a_link",
        "os.unlink(target / 'run_results.json'); (target / 'run_results.json').symlink_to('VICTIM/secret.json')",
    ),
    Left(
        "manifest_is_a_link",
        "os.unlink(target / 'manifest.json'); (target / 'manifest.json').symlink_to('PRODUCTION')",
    ),
    Left("a_link_to_a_directory", "(target / 'evil').symlink_to('VICTIM')"),
    Left("a_circle_of_links", "(target / 'a').symlink_to('b'); (target / 'b').symlink_to('a')"),
    Left(
        "results_are_a_directory",
        "os.unlink(target / 'run_results.json'); (target / 'run_results.json').mkdir()",
    ),
    Left(
        "manifest_is_a_directory",
        "os.unlink(target / 'manifest.json'); (target / 'manifest.json').mkdir()",
    ),
    Left("a_giant_of_holes", "(target / 'x').touch(); os.truncate(target / 'x', 1 << 40)"),
    Left("results_are_a_giant_of_holes", "os.truncate(target / 'run_results.json', 1 << 40)"),
    Left("manifest_is_a_giant_of_holes", "os.truncate(target / 'manifest.json', 1 << 40)"),
    Left("the_log_is_a_giant_of_holes", "os.truncate(target.parent / 'dbt.log', 1 << 40)"),
    Left(
        "the_log_is_garbage",
        "(target.parent / 'dbt.log').write_bytes(b'\\xff\\x00\\x1b[2J' * 1000)",
    ),
    Left(
        "a_deep_directory",
        "\nhere = str(target)\nfor n in range(400):\n    os.chdir(here if n == 0 else 'd')\n    os.mkdir('d')\nos.chdir(target)",
    ),
    Left("thousands_of_files", "[(target / f'{n}.json').touch() for n in range(3000)]"),
    Left(
        "odd_names",
        "[(target / name).write_text('x') for name in ('a\\nb', '\\x1b[2J', '-rf', 'x' * 250, '~', '$(id)', '.hidden')]",
    ),
    Left("names_that_are_no_text", "open(os.fsencode(target) + b'/\\xff\\xfe', 'w').close()"),
    Left("nothing_at_all", "shutil.rmtree(target, ignore_errors=True)"),
    Left(
        "closed_files", "(target / 'run_results.json').chmod(0); (target / 'closed').mkdir(mode=0)"
    ),
    Left(
        "a_step_of_its_own",
        "(target / 'step.json').write_text('{\"status\": 7}'); (target / 'comment.md').write_text('evil'); (target / 'lint.json').write_text('[]')",
    ),
]
PIPES = [
    Left("a_pipe", "os.mkfifo(target / 'pipe')"),
    Left(
        "results_are_a_pipe",
        "os.unlink(target / 'run_results.json'); os.mkfifo(target / 'run_results.json')",
    ),
    Left(
        "manifest_is_a_pipe",
        "os.unlink(target / 'manifest.json'); os.mkfifo(target / 'manifest.json')",
    ),
]
"""The sandbox refuses these; where there is none, they must not be waited for."""
_NOT_ASKED_FOR = "a list of nodes that nobody has asked for"
EVENTS = [
    Events("garbage", "b'garbage\\n'"),
    Events("no_text", "b'\\xff\\xfe\\n'"),
    Events("a_number", "b'7\\n'"),
    Events("no_event", 'b\'{"event": "Evil"}\\n\''),
    Events("an_event_of_numbers", 'b\'{"event": "Problem", "message": 7}\\n\''),
    Events("deep", "b'[' * 100000 + b'\\n'"),
    Events(
        "without_an_end", "b'x' * (70 << 20)", says="an event of dbt's has more than 67,108,864"
    ),
    Events(
        "a_node_of_productions",
        'b\'{"event": "NodeStart", "unique_id": "model.tiny.orders", "resource_type": "model", "name": "orders"}\\n\' * 1000',
        says="",
    ),
    Events(
        "another_listing",
        'b\'{"event": "Listed", "nodes": [], "problem": ""}\\n\'',
        says=_NOT_ASKED_FOR,
    ),
    Events(
        "a_listing_elsewhere",
        'b\'{"event": "Listed", "nodes": [{"unique_id": "model.tiny.orders", "schema": "main"}], "problem": ""}\\n\'',
        says=_NOT_ASKED_FOR,
    ),
]
