"""No token of git's or of a hosting site's is in dbt's processes, and what they find is scrubbed.

A Python model searches the whole memory of the process that it runs in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.databases import values
from tests.support.deployments.site import PROJECT, Result, Site, make_site
from tests.support.servers.git_server import serve

pytestmark = pytest.mark.slow

GIT = "ghp_Y3markGit8w"
HOSTING = "glpat-Z5markHosting2v"
OTHERS = "glpat-X7markOther4u"
CONTROL = "dbt-W1markControl6t"
PASSED = "passed-V9markPassed3s"
MARKS = {"git": GIT, "hosting": HOSTING, "other": OTHERS, "control": CONTROL, "passed": PASSED}
NAMES = ("hosting", "token", "GIT_PLANTED", "AWS_OTHER_PLANTED", "AZURE_PLANTED", "SHOP_PASSED")
# A pattern that is not the text it finds: else the search would find itself.
PATTERNS = {what: f"{mark[0]}[{mark[1]}]{mark[2:]}" for what, mark in MARKS.items()}
SEARCH = f"""
import os
import re

PATTERNS = {PATTERNS!r}

def regions():
    with open("/proc/self/maps") as maps:
        for line in maps:
            addresses, rights, *_ = line.split()
            if rights.startswith("rw"):
                yield tuple(int(each, 16) for each in addresses.split("-"))

def memory():
    descriptor = os.open("/proc/self/mem", os.O_RDONLY)
    for start, end in regions():
        for offset in range(start, end, 1 << 20):
            try:
                yield os.pread(descriptor, min((1 << 20) + 64, end - offset), offset)
            except OSError:
                break
    os.close(descriptor)

def first_environment():
    with open("/proc/self/environ", "rb") as file:
        yield file.read()

def found(contents):
    wanted = {{what: re.compile(each.encode()) for what, each in PATTERNS.items()}}
    met = set()
    for content in contents:
        met |= {{what for what, pattern in wanted.items() if pattern.search(content)}}
    return sorted(met)

def model(dbt, session):
    dbt.config(materialized="table")
    told = [found(memory()), found(first_environment()), sorted(os.environ)]
    memory_of, first, names = (" ".join(each) for each in told)
    found_in = f"'{{memory_of}}' as memory, '{{first}}' as first, '{{names}}' as names"
    return session.sql(f"select {{found_in}}")
"""
FILES = {
    **PROJECT,
    "models/search.py": SEARCH,
    "models/refuses.sql": """
        {{ config(materialized='table') }}
        select error('refused: ' || content) as id from read_text('{{ env_var("DBT_FILE") }}')
    """,
    "macros/ask.sql": f"""
        {{% macro tell() %}}
        {{% for name in {NAMES} %}}
        {{{{ log(name ~ ' is ' ~ env_var(name, 'not there'), info=true) }}}}
        {{% endfor %}}
        {{% endmacro %}}
        {{% macro ask() %}}{{{{ env_var('hosting') }}}}{{% endmacro %}}
    """,
}
DEPLOY = """
    projects:
      tiny:
        repository: URL
        token: {env: GIT_PLANTED}
        hosting: {kind: gitea, url: "http://127.0.0.1:9/acme/tiny", token: {file: hosting-token}}
        variables: {DBT_ENV_SECRET_CONTROL: {env: CONTROL_PLANTED}, DBT_FILE: ROOT/hosting-token}
        pass_variables: [SHOP_PASSED]
      other: {repository: /nowhere, token: {env: AWS_OTHER_PLANTED}}
    environments:
      prod: {project: tiny, type: production, branch: main, target: prod}
      other: {project: other, branch: main}
"""
JOBS = """
    jobs:
      nightly:
        environment: prod
        execute_steps:
          - dbt run-operation tell
          - dbt build --exclude refuses
          - dbt build --select refuses
      asks: {environment: prod, execute_steps: [dbt run-operation ask]}
"""
PLANTED = {
    "GIT_PLANTED": GIT,
    "AWS_OTHER_PLANTED": OTHERS,
    "AZURE_PLANTED": f"pat={GIT}",
    "CONTROL_PLANTED": CONTROL,
    "SHOP_PASSED": PASSED,
    "SHOP_ELSE": "nobody's",
}


@dataclass(frozen=True)
class SearchRuns:
    """A run that has searched, and one that has asked."""

    site: Site
    nightly: Result
    asks: Result


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchRuns]:
    site = make_site(tmp_path_factory.mktemp("purposes"), FILES)
    (site.root / "hosting-token").write_text(f"{HOSTING}\n", encoding="utf-8")
    with serve(site.root, GIT) as server:
        deploy = DEPLOY.replace("URL", server.url("remote.git")).replace("ROOT", str(site.root))
        site.configure(jobs=JOBS, deploy=deploy)
        nightly = site.execute("prod__nightly", **PLANTED)
        yield SearchRuns(site, nightly, site.execute("prod__asks", **PLANTED))
        assert len(server.authorizations) > 1, "git has used its token"


def searched(done: SearchRuns) -> tuple[set[str], set[str], set[str]]:
    (row,) = done.site.query("select memory, first, names from search")
    memory, first, names = (set(str(each).split()) for each in row)
    return memory, first, names


def test_the_memory_of_dbts_process_holds_what_dbt_may_know_and_no_more(done: SearchRuns):
    """It was handed every secret to scrub with, where Python models run."""
    memory, first, _ = searched(done)
    assert memory == {"control", "passed"}
    assert first == {"passed"}, "secrets come with the order"


def test_its_variables_are_those_of_the_allow_list_and_those_that_were_added(done: SearchRuns):
    _, _, names = searched(done)
    assert names >= {"PATH", "HOME", "SHOP_PASSED", "DBT_ENV_SECRET_CONTROL", "DEPLOY_STATE"}
    assert names.isdisjoint({"hosting", "token", *PLANTED} - {"SHOP_PASSED"})


def test_env_var_finds_no_token_under_any_name(done: SearchRuns):
    """The API token of the hosting site was `env_var("hosting")`, git's was its own variable."""
    console = done.site.console(done.nightly.run_id, "04-dbt-run-operation")
    told = dict(
        line.split("  ")[-1].split(" is ") for line in console.splitlines() if " is " in line
    )
    assert told == {**dict.fromkeys(NAMES, "not there"), "SHOP_PASSED": PASSED}


def test_env_var_of_the_hostings_token_fails(done: SearchRuns):
    assert not done.asks.success
    message = done.site.record(done.asks.run_id)["message"]
    assert "Env var required but not provided: 'hosting'" in message


def test_what_dbt_finds_by_itself_is_scrubbed(done: SearchRuns):
    """In lines, events and files, though the process that writes them can't."""
    site, run_id = done.site, done.nightly.run_id
    console = site.console(run_id, "06-dbt-build-2")
    assert "refused: *****" in console
    assert "refused: *****" in site.record(run_id)["message"]
    debug = (site.directory(run_id, "06-dbt-build-2") / "dbt.log").read_text(encoding="utf-8")
    assert "refused: *****" in debug


def holders(site: Site) -> Iterator[Path]:
    for file in site.root.rglob("*"):
        secret = file.suffix in (".duckdb", ".wal") or file.name == "hosting-token"
        if file.is_file() and not secret:
            content = file.read_bytes()
            if any(mark.encode() in content for mark in (GIT, HOSTING, OTHERS, CONTROL)):
                yield file


def test_no_file_no_database_and_no_output_holds_a_secret(done: SearchRuns):
    assert len([*done.site.root.rglob("*")]) > 100
    assert [str(file) for file in holders(done.site)] == []
    found = [value for each in done.site.state.root.rglob("*.db") for value in values(each)]
    assert any(b"refused: *****" in value for value in found)
    secrets = [mark.encode() for mark in (GIT, HOSTING, OTHERS, CONTROL)]
    assert [value for value in found for mark in secrets if mark in value] == []
    output = f"{done.nightly.output}{done.asks.output}"
    assert "refused: *****" in output
    assert [mark for mark in (GIT, HOSTING, OTHERS, CONTROL) if mark in output] == []
