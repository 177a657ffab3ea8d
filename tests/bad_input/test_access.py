"""Tokens, certificates and addresses that can't be meant so: each says what to do."""

import sys
from pathlib import Path

import pytest

from deploy_project.cli import main
from deploy_project.config.values.tokens import digest
from tests.support.deployments.configuration_files import Configuration
from tests.support.documented_messages import Met

DEPLOY = """
projects: {shop: {repository: /nowhere}}
environments: {prod: {branch: main}}
tokens:
  airflow: TOKEN
  other: {sha256: OTHER, permissions: [member]}
"""
JOBS = "jobs: {daily: {environment: prod, execute_steps: [dbt build]}}"
HASH = digest("dpt_airflow")


@pytest.fixture
def configuration(here: Path) -> Configuration:
    return Configuration(here)


def write(configuration: Configuration, token: str) -> None:
    text = DEPLOY.replace("TOKEN", token).replace("HASH", HASH).replace("OTHER", digest("other"))
    configuration.write({"deploy.yaml": text, "jobs.yml": JOBS})


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """What a command has said is wrong, without its name."""
    return capsys.readouterr().err.strip().partition(": ")[2]


@pytest.mark.parametrize(
    "token",
    [
        "{sha256: dpt_c2VjcmV0, permissions: [member]}",
        f"{{sha256: {digest('other')}, permissions: [member]}}",
        "{sha256: HASH, permissions: [member], expires: tomorrow}",
        "{sha256: HASH, permissions: [member], expires: [2027-01-31]}",
        "{sha256: HASH, permissions: [member], email: 'Ana <ana@example.com>'}",
        "{sha256: HASH, permissions: [member], email: 'ana@-example.com'}",
    ],
)
def test_a_token_with_a_mistake(
    configuration: Configuration, token: str, met: Met, capsys: pytest.CaptureFixture[str]
):
    write(configuration, token)
    assert main(["check"]) == 1
    told = said(capsys)
    met(told)
    assert "dpt_c2VjcmV0" not in told


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("projects: [shop, 'sh?pp*']", "tokens.airflow.projects: 'sh?pp*' matches none"),
        ("environments: [production]", "tokens.airflow.environments: 'production' matches none"),
        ("expires: 2020-01-31", "tokens.airflow: has expired at 2020-01-31 00:00 UTC"),
    ],
)
def test_tokens_that_are_good_for_nothing(
    configuration: Configuration,
    token: str,
    words: str,
    met: Met,
    capsys: pytest.CaptureFixture[str],
):
    write(configuration, f"{{sha256: HASH, permissions: [member], {token}}}")
    main(["check"])
    (line,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("Warning: ")]
    met(line)
    assert words in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "create", "my token", "--permission", "member"],
        ["token", "create", "x" * 101, "--permission", "member"],
        ["token", "create", "a", "--permission", "member", "--expires", "2020-01-31"],
    ],
)
def test_a_token_that_can_not_be_made(
    arguments: list[str], met: Met, capsys: pytest.CaptureFixture[str]
):
    assert main(arguments) == 1
    met(said(capsys))


def test_a_front_that_others_could_listen_to(
    configuration: Configuration, met: Met, capsys: pytest.CaptureFixture[str]
):
    write(configuration, "{sha256: HASH, permissions: [member]}")
    for host in ("0.0.0.0", "::", "10.0.0.7", "dbt.example.com"):
        assert main(["serve", "--host", host]) == 1
        met(said(capsys))


def test_a_certificate_that_can_not_be_served(
    configuration: Configuration,
    met: Met,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("DAGSTER_HOME", str(configuration.root))
    (configuration.root / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    write(configuration, "{sha256: HASH, permissions: [member]}")
    wrong = configuration.root / "wrong.pem"
    wrong.write_text("no certificate")
    for arguments in (
        ["--certificate", "gone.pem", "--key", "gone.key"],
        ["--certificate", str(wrong), "--key", str(wrong)],
        ["--certificate", "gone.pem"],
        ["--key", "gone.key"],
    ):
        assert main(["serve", "--port", "0", *arguments]) == 1
        met(said(capsys))


def test_a_certificate_that_can_not_be_made(
    configuration: Configuration,
    met: Met,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    place = configuration.root / "certificates"
    assert main(["certificate", "a b", "--directory", str(place)]) == 1
    met(said(capsys))
    (place / "authority.key").write_text("no key")
    assert main(["certificate", "localhost", "--directory", str(place)]) == 1
    met(said(capsys))
    assert main(["certificate", "localhost", "--directory", str(place / "authority.key")]) == 1
    met(said(capsys))
    monkeypatch.setitem(sys.modules, "trustme", None)
    assert main(["certificate", "localhost"]) == 1
    met(said(capsys))
