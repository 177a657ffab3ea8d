"""URLs and names of git that can't be: told when the files are read, not when they are used."""

import subprocess

import pytest

from deploy_project.config.files.addresses import is_host, url_fault
from tests.support.deployments.configuration_files import Configuration

ENVIRONMENT = "environments: {production: {}}\n"
PORT = "has no valid port"


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("https://git.example/a.git", None),
        ("https://git.example:8443/a.git", None),
        ("ssh://git@git.example:22/a.git", None),
        ("http://127.0.0.1:3000", None),
        ("http://[::1]:3000", None),
        ("https://münchen.example/a", None),
        ("https://my_host/a", None),
        ("file:///srv/a.git", None),
        ("https://git.example:0/a", PORT),
        ("https://git.example:65536/a", PORT),
        ("https://git.example:port/a", PORT),
        ("https://git.example:/a", PORT),
        ("https://git.example:-1/a", PORT),
        ("https://git.example:1١/a", PORT),
        ("https:///a", "is not a URL"),
        ("https://", "is not a URL"),
        ("://host", "is not a URL"),
        ("ht tp://host", "is not a URL"),
        ("https://a b/c", "is not a URL"),
        ("https://host/a b", "is not a URL"),
        ("https://host/\x1b[31m", "is not a URL"),
        ("https://[::1/a", "is not a URL"),
        ("https://-oProxyCommand=x/a", "is not a URL"),
        ("https://a..b/c", "is not a URL"),
        ("https://" + "a" * 300, "is not a URL"),
        ("file://", "is not a URL"),
    ],
)
def test_urls(url: str, what: str | None):
    fault = url_fault(url)
    assert (fault.what if fault else None) == what


@pytest.mark.parametrize("name", ["-x", "a b", "", ".", "a..b", "a-", "x\n"])
def test_hosts_that_can_be_none(name: str):
    assert not is_host(name)


@pytest.mark.parametrize(
    ("repository", "what"),
    [
        (
            "https://host:99999/a",
            f"{PORT}, found 'https://host:99999/a'; write a number from 1 to 65535 after the host",
        ),
        ("https://me:pass word@host/a", "is not a URL, found 'https://***@host/a'; correct it"),
        (
            "-oProxyCommand=x:y",
            "is neither a URL nor a path, found '-oProxyCommand=x:y'; correct it",
        ),
    ],
)
def test_a_repository_that_cannot_be_asked(
    configuration: Configuration, repository: str, what: str
):
    text = f"projects: {{shop: {{repository: '{repository}'}}}}\n{ENVIRONMENT}"
    assert configuration.problems({"deploy.yaml": text}) == [
        f"deploy.yaml:1: projects.shop.repository: {what}"
    ]


@pytest.mark.parametrize(
    "repository",
    [
        *("git@github.com:acme/shop.git", "host:path", "/srv/shop.git", "~/shop", "./a b"),
        *("codecommit::eu-west-1://shop", "codecommit://shop", "ssh://git@host/~/shop.git"),
    ],
)
def test_repositories_of_all_kinds(configuration: Configuration, repository: str):
    text = f"projects: {{shop: {{repository: '{repository}'}}}}\n{ENVIRONMENT}"
    assert configuration.load({"deploy.yaml": text}).projects


@pytest.mark.parametrize("key", ["dagster_url", "docs_url"])
@pytest.mark.parametrize("url", ["http://host:99999", "https://host:x/y"])
def test_web_addresses_have_a_port(configuration: Configuration, key: str, url: str):
    text = f"projects: {{shop: {{repository: /a}}}}\n{ENVIRONMENT}{key}: '{url}'"
    assert configuration.problems({"deploy.yaml": text}) == [
        f"deploy.yaml:3: {key}: {PORT}, found '{url}'; "
        "write a number from 1 to 65535 after the host"
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("main", "a/b", "-a", "a b", "a..b", "a.lock", "a.lock/b", "a/", "/a", "a//b", "a.", "a~"),
        *(
            "a^",
            "a:",
            "a?",
            "a*",
            "a[",
            "a\\b",
            "@",
            "@{",
            "a@{b",
            "HEAD",
            "head",
            "é",
            "a/.b",
            ".a",
        ),
        *(
            "a{",
            "a'",
            "$(x)",
            "a;b",
            "a.lockx",
            "FETCH_HEAD",
            "--",
            "a/-b",
            "a@b",
            "heads/a",
            "v1.0",
        ),
    ],
)
def test_a_branch_is_refused_when_git_refuses_it(configuration: Configuration, name: str):
    command = ["git", "check-ref-format", "--branch", name]
    accepted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    quoted = name.replace("'", "''")
    text = f"projects: {{shop: {{repository: /a}}}}\nenvironments: {{a: {{branch: '{quoted}'}}}}\n"
    if accepted:
        assert configuration.load({"deploy.yaml": text}).environments["a"].branch == name
    else:
        for key in ("branch", "tag"):
            (told,) = configuration.problems({"deploy.yaml": text.replace("branch:", f"{key}:")})
            what = f"deploy.yaml:2: environments.a.{key}: is a name that git refuses, found "
            assert told == f"{what}{name!r}; write it as `git branch` or `git tag` lists it"


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            "id: 9223372036854775808",
            "id: is too large, found 9223372036854775808; use at most 9223372036854775807",
        ),
        ("threads: 100000", "threads: is too large, found 100000; use at most 1000"),
        (
            "pull_request_days: 999999",
            "pull_request_days: is too large, found 999999; use at most 36500",
        ),
        (
            "branch: true",
            "branch: must be text, found true; write text; put it in quotes when it "
            "looks like a number",
        ),
        (
            "branch: 2024-01-01",
            "branch: must be text, found 2024-01-01; write text; put it in "
            "quotes when it looks like a number",
        ),
        (
            "dbt_version: '١.١٠'",
            "dbt_version: is not a version of dbt, found '١.١٠'; write it like "
            "'1.10', '1.10.3' or '1.10.*', in quotes",
        ),
    ],
)
def test_values_of_environments(configuration: Configuration, keys: str, told: str):
    text = f"projects: {{shop: {{repository: /a}}}}\nenvironments: {{a: {{{keys}}}}}\n"
    assert configuration.problems({"deploy.yaml": text}) == [
        f"deploy.yaml:2: environments.a.{told}"
    ]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            "execution: {timeout_seconds: 1e400}",
            "execution.timeout_seconds: must be a whole number, found 1e400; write digits only",
        ),
        (
            "execution: {timeout_seconds: 99999999999}",
            "execution.timeout_seconds: is too large, found 99999999999; use at most 2147483647",
        ),
        (
            "settings: {threads: '" + "9" * 5000 + "'}",
            f"settings.threads: is too large, found '{'9' * 80}…'; write a number of fewer digits",
        ),
        (
            "schedule: {cron: '*/" + "9" * 5000 + " * * * *'}",
            "schedule.cron: has no valid minute (",
        ),
        (
            "custom_environment_variables: 3",
            "custom_environment_variables: must be a list, found a "
            "value that is not shown here; write a `- item` line for each",
        ),
    ],
)
def test_values_of_jobs(configuration: Configuration, keys: str, told: str):
    text = f"jobs:\n  one: {{environment: production, {keys}}}"
    (found,) = configuration.problems({"jobs.yml": text})
    assert found.startswith(f"jobs.yml:2: jobs.one.{told}")


def test_names_are_short_enough_for_files(configuration: Configuration):
    text = f"jobs: {{{'x' * 101}: {{environment: production}}}}"
    assert configuration.problems({"jobs.yml": text}) == [
        f"jobs.yml:1: jobs.{'x' * 80}…: is too long, found '{'x' * 80}…'; "
        "use at most 100 characters"
    ]
