"""Valid configurations, and mutations of them by a seed: of their structure and of their text."""

import copy
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

DEPLOY = """\
account: {id: 5, name: Acme, run_slots: 4}
projects:
  shop:
    id: 7
    repository: https://git.example.com:8443/data/shop.git
    subdirectory: dbt
    hosting: {kind: gitea, url: https://git.example.com/data/shop}
    pull_requests: {refs: "pr/*", fork_label: safe to test, without_state: build_all}
    variables: {DBT_A: text, DBT_B: 1.10, DBT_DAY: 2024-01-01}
    pass_variables: [SHOP_HOST]
  tools: {repository: "git@github.com:acme/tools.git", git_repo_cache: true}
environments:
  production:
    id: 11
    project: shop
    type: production
    branch: main
    target: prod
    threads: 8
    concurrency: 2
    variables: {DBT_ON: true}
  staging:
    project: shop
    type: staging
    tag: v1
    connection: &duckdb {type: duckdb, path: "{state}/a.duckdb", settings: {memory_limit: 1GB}}
    extended_attributes: {schema: x}
    pull_request_days: 3
  tools: {project: tools, connection: *duckdb, schema: tools, row_counts: true}
jobs: [jobs.yml, exported.yml]
vars_files: [vars.yml]
artifacts: artifacts
dagster_url: http://127.0.0.1:3999
docs_url: https://docs.example.com/dbt
defaults: {threads: 4, timezone: Europe/Berlin, deactivate_after: 5}
"""
JOBS = """\
anchors:
  daily: &daily {cron: 30 5 * * MON-FRI, timezone: Europe/Berlin}
jobs:
  nightly:
    environment: production
    description: "Everything: each night"
    execute_steps: [dbt seed, "dbt build --select tag:nightly"]
    schedule: *daily
    triggers: {schedule: true, on_merge: true}
    settings: {threads: 6, target_name: prod}
    execution: {timeout_seconds: 3600}
    generate_docs: true
    custom_environment_variables: [DBT_LIMIT: 10, DBT_NAME: "x"]
  after:
    environment: production
    job_completion_trigger_condition: {any: [{job: nightly, statuses: [10]}, {asset: raw/orders}]}
  checks:
    environment: staging
    job_type: ci
    deferring_environment: production
    run_compare_changes: true
  tools: {environment: tools, id: 9, self_deferring: true, state: 1}
"""
EXPORTED = """\
jobs:
  one:
    linked_id: 101
    environment_id: {{ environment }}
    project_id: 7
    name: "One [[{{ prefix }}one]]"
    dbt_version: null
    execute_steps: {% for each in steps %}
      - dbt {{ each }}{% endfor %}
    triggers: {github_webhook: false, schedule: true}
    schedule: {cron: "0 */2 * * *", date: {type: custom_cron}, time: {type: every_hour}}
    job_type: scheduled
    state: 1
"""
VARS = "environment: 11\nprefix: ''\nsteps: [build, test]\n"
FILES = {"deploy.yaml": DEPLOY, "jobs.yml": JOBS, "exported.yml": EXPORTED, "vars.yml": VARS}
"""A configuration with most keys, Jinja, aliases and several files; it is valid."""

CANARY = "CANARY"
"""Stands for the path of a file that nothing must make."""

_NAMES = ("a b", "a..b", "-x", "a~1", "HEAD", "a.lock", "é", "x" * 300, "a/b", "..", "@{", "", "__")
_URLS = (
    *("https://", "http://host:99999/x", "https://host:port/", "https://[::1", "https://a b/c"),
    *("://x", "https://me:hunter2@host/x", "ssh://host:0/x", "file://", "s3://", "memory://x"),
    *("http://127.0.0.1:3000?x=1", "https:///x", "ext::sh -c 'touch CANARY'", "-oProxy=x:y"),
)
_PATHS = (
    *(
        "/dev/zero",
        "/dev/tty",
        "/proc/self/mem",
        "/",
        ".",
        "~",
        "~nobody",
        "/**/*.yml",
        "*",
        "[",
        "**",
    ),
    *("{state}", "no/such", "x" * 5000, "/proc/self/fd/*", "deploy.yaml", "vars.yml"),
)
_JINJA = (
    *("{{ 'a' * 10**10 }}", "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}"),
    *(
        "{{ 10**10**8 }}",
        "{{ nothing }}",
        "{{ ''.__class__.__mro__ }}",
        "{% include '/etc/hosts' %}",
    ),
    "{{ cycler.__init__.__globals__.os.system('touch CANARY') }}",
    "{% set x = lipsum.__globals__['os'].popen('touch CANARY').read() %}",
    *(
        "{{",
        "{% for %}",
        "{# ",
        "{{ 1/0 }}",
        "{{ steps.nothing.more }}",
        "{% macro a() %}{{ a() }}",
    ),
    *(
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{{ prefix | nothing }}",
        "{{ " + "(" * 300,
    ),
)
_TEXTS = (
    *(
        "dbt build; touch CANARY",
        "$(touch CANARY)",
        "dbt run `touch CANARY`",
        "dbt",
        "'",
        '"',
        "dbt 'x",
    ),
    *(
        "0 25 * * *",
        "* * * * * *",
        "*/99999999999999999999 * * * *",
        "@daily",
        "Mars/Base",
        "../../etc",
    ),
    *(
        "1.10",
        "latest",
        "99999999999.1",
        ">=1",
        "١.١",
        "[[a:b:c]]",
        "[[x]]",
        "[[" + "y" * 300 + "]]",
    ),
    *(
        "null",
        "true",
        "\x1b[31m",
        "a\x00b",
        "a\ud800b".encode("utf-8", "replace").decode(),
        "\u202e",
    ),
    *("hunter2", "DBT_X", "x\ny", "\t", " ", "%s%n", "<b>", "*****", "SELECT 1", "state:modified+"),
)
TEXTS = (*_NAMES, *_URLS, *_PATHS, *_JINJA, *_TEXTS)
_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        3,
        11,
        10,
        10**9,
        2**31,
        2**63,
        10**40,
        1.5,
        float("inf"),
        float("nan"),
    ),
    *(
        [],
        {},
        [[]],
        [None],
        {"a": 1},
        {"env": "X"},
        {"file": "/dev/zero"},
        {"file": "no"},
        {"env": 1},
    ),
    *({1: 2}, {None: 1}, {True: 1}, [{"job": "after"}], {"type": "duckdb"}, ["dbt build"], "main"),
)
RAW = (
    *("!!python/object/apply:os.system ['touch CANARY']", "!!python/name:os.system", "!foo x"),
    *("!!binary '@@@'", "!!bool maybe", "!!int x", "!!set {a, b}", "!!omap [a: 1]", "2024-99-99"),
    *("2024-01-01", "2024-01-01T10:00:00Z", "1" + "0" * 5000, "0x" + "f" * 400, "1e999", "-.inf"),
    *(
        "&a [*a]",
        "&a {b: *a}",
        "*nothing",
        "*duckdb",
        "{<<: *daily}",
        "{<<: 3}",
        "[" * 200,
        "[" * 60,
    ),
    *(
        "{" * 90 + "}" * 90,
        "? [a]\n: 1",
        "{[a]: 1}",
        "{a: 1, a: 2}",
        '"\\0"',
        '"\\ud800"',
        "|\n",
        ">-",
    ),
    *(
        "'",
        '"',
        "- x",
        "a: b: c",
        "@x",
        "`x`",
        "%x",
        "{",
        "}",
        "[",
        "]",
        ",",
        "#",
        "---",
        "...",
        "\t- x",
    ),
    "[&b [&c [x,x,x,x,x,x,x,x,x],*c,*c,*c,*c,*c,*c,*c,*c],*b,*b,*b,*b,*b,*b,*b]",
    "{<<: [*daily, *daily]}",
    "{true: 1}",
    "{~: 1}",
    "{2024-01-01: 1}",
    "{: 1}",
)
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Case:
    """One configuration that may be wrong in any way."""

    name: str
    files: Mapping[str, bytes]


def cases(seed: int, count: int) -> Iterator[Case]:
    """Yield so many mutations; the same ones for the same seed, whatever the count."""
    for number in range(count):
        yield case(seed, number)


def case(seed: int, number: int) -> Case:
    """Return one mutation; each can be had by itself."""
    chance = random.Random(f"{seed}-{number}")
    files = {name: text.encode() for name, text in FILES.items()}
    told: list[str] = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        name = chance.choice(("deploy.yaml", "deploy.yaml", "jobs.yml", "jobs.yml", *FILES))
        mutate = chance.choice(_MUTATIONS)
        files[name] = mutate(chance, files[name])
        told.append(f"{mutate.__name__.strip('_')} of {name}")
    return Case(f"{seed}-{number}: {', '.join(told)}", files)


def _paths(data: Any, path: Path = ()) -> Iterator[Path]:
    entries: Any = ()
    if isinstance(data, dict):
        entries = data.items()
    elif isinstance(data, list):
        entries = enumerate(data)
    for key, value in entries:
        yield (*path, key)
        yield from _paths(value, (*path, key))


def _structure(chance: random.Random, content: bytes, change: Callable[..., str | None]) -> bytes:
    """Return the file with a change in its data; one that is no YAML any more gets one in text."""
    try:
        yaml: Any = YAML(typ="safe", pure=True)
        data = copy.deepcopy(yaml.load(content.decode()))
        path = chance.choice([*_paths(data)])
        *parents, key = path
        holder = data
        for each in parents:
            holder = holder[each]
        raw = change(chance, holder, key)
        stream = StringIO()
        yaml.dump(data, stream)
        text = stream.getvalue()
        return (text if raw is None else text.replace("RAW-VALUE", raw)).encode()
    except Exception:
        return _splice(chance, content)


def _delete(chance: random.Random, content: bytes) -> bytes:
    def change(_: random.Random, holder: Any, key: Any) -> None:
        del holder[key]

    return _structure(chance, content, change)


def _replace(chance: random.Random, content: bytes) -> bytes:
    def change(chance: random.Random, holder: Any, key: Any) -> None:
        holder[key] = chance.choice(chance.choice((TEXTS, _VALUES)))

    return _structure(chance, content, change)


def _replace_by_syntax(chance: random.Random, content: bytes) -> bytes:
    def change(chance: random.Random, holder: Any, key: Any) -> str:
        holder[key] = "RAW-VALUE"
        return chance.choice(RAW)

    return _structure(chance, content, change)


def _rename(chance: random.Random, content: bytes) -> bytes:
    def change(chance: random.Random, holder: Any, key: Any) -> None:
        value = holder[key]
        holder[chance.choice((*TEXTS, None, True, 3, 1.5, f"{key}s", str(key)[:-1]))] = value

    return _structure(chance, content, change)


def _in_list(value: Any) -> Any:
    return [value]


def _in_mapping(value: Any) -> Any:
    return {"a": value}


def _as_key(value: Any) -> Any:
    return {value: value}


def _doubled(value: Any) -> Any:
    return value * 2


def _retype(chance: random.Random, content: bytes) -> bytes:
    def change(chance: random.Random, holder: Any, key: Any) -> None:
        value = holder[key]
        ways = (str, _in_list, _in_mapping, _as_key, bool, _doubled)
        holder[key] = chance.choice(ways)(value)

    return _structure(chance, content, change)


def _copy_elsewhere(chance: random.Random, content: bytes) -> bytes:
    def change(chance: random.Random, holder: Any, key: Any) -> None:
        value = copy.deepcopy(holder[key])
        other = chance.choice([*holder] if isinstance(holder, dict) else [*range(len(holder))])
        holder[other] = value

    return _structure(chance, content, change)


def _splice(chance: random.Random, content: bytes) -> bytes:
    at = chance.randrange(len(content) + 1)
    added = chance.choice((*RAW, *TEXTS)).encode("utf-8", "surrogatepass")
    return content[:at] + added + content[at:]


def _lines(chance: random.Random, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True) or [b""]
    at = chance.randrange(len(lines))
    way = chance.choice(("delete", "repeat", "indent", "dedent", "swap", "tab"))
    if way == "delete":
        del lines[at]
    elif way == "repeat":
        lines.insert(at, lines[at])
    elif way == "swap":
        other = chance.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines[at] = {"indent": b" ", "tab": b"\t", "dedent": b""}[way] + (
            lines[at].removeprefix(b" ") if way == "dedent" else lines[at]
        )
    return b"".join(lines)


def _truncate(chance: random.Random, content: bytes) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _encode(chance: random.Random, content: bytes) -> bytes:
    text = content.decode(errors="replace")
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: text.encode("utf-16"),
        lambda: text.encode("utf-32-le"),
        lambda: b"\xef\xbb\xbf" + content,
        lambda: content.replace(b"a", "ä".encode("latin-1"), 1),
        lambda: content.replace(b"\n", b"\r\n"),
        lambda: content.replace(b"\n", b"\r"),
        lambda: content.replace(b" ", b"\0", 1),
        lambda: content.replace(b"a", b"\x1b", 1),
        lambda: content.replace(b" ", "\u00a0".encode(), 3),
        lambda: content.replace(b"\n", "\u2028".encode(), 1),
        lambda: content + b"#" * (2 << 20),
        lambda: b"",
    )
    return chance.choice(ways)()


def _bytes(chance: random.Random, content: bytes) -> bytes:
    changed = bytearray(content or b" ")
    for _ in range(chance.randrange(1, 6)):
        changed[chance.randrange(len(changed))] = chance.choice(
            b"{}[]:,&*!|>'\"%@`#-? \n\t\0\xff0a~"
        )
    return bytes(changed)


_MUTATIONS = (
    *(_delete, _replace, _replace, _replace, _replace_by_syntax, _replace_by_syntax, _rename),
    *(_retype, _copy_elsewhere, _splice, _lines, _truncate, _encode, _bytes),
)
