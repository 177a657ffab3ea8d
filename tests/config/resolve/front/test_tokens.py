from datetime import UTC, datetime

import pytest

from deploy_project.config.resolve.front.tokens import moment_of
from deploy_project.config.values.deployment import Secret
from deploy_project.config.values.tokens import Token, digest
from tests.support.deployments.configuration_files import DEPLOY, Configuration

HASH, OTHER = digest("dpt_airflow"), digest("dpt_other")
TOKENS = f"""
tokens:
  airflow:
    sha256: {HASH.upper()}
    permissions: [job_runner, override_steps, job_runner]
    projects: [shop, shop]
    environments: ["prod*"]
    expires: 2027-06-30
  other: {{sha256: {OTHER}, permissions: [member]}}
"""


def test_tokens_are_read(configuration: Configuration):
    found = configuration.load({"deploy.yaml": DEPLOY + TOKENS})
    assert found.tokens == {
        "airflow": Token(
            name="airflow",
            sha256=HASH,
            permissions=frozenset({"job_runner", "override_steps"}),
            projects=("shop",),
            environments=("prod*",),
            expires=datetime(2027, 6, 30, tzinfo=UTC),
        ),
        "other": Token("other", OTHER, frozenset({"member"})),
    }
    assert found.tokens["airflow"].place == f"{configuration.root}/deploy.yaml:9"
    assert found.requests_per_minute == 5000
    assert configuration.load({}).tokens == {}


def test_the_limit_of_requests_is_read(configuration: Configuration):
    front = "front: {requests_per_minute: 60}\n"
    assert configuration.load({"deploy.yaml": DEPLOY + front}).requests_per_minute == 60
    wrong = configuration.problems({"deploy.yaml": DEPLOY + front.replace("60", "0")})
    assert wrong == [
        "deploy.yaml:7: front.requests_per_minute: is too small, found 0; use at least 1"
    ]


def test_the_secret_of_hooks_is_read_and_kept_from_dbt(configuration: Configuration):
    hooks = DEPLOY.replace("shop.git}", "shop.git, hooks: {secret: {env: HOOK}}}")
    found = configuration.load({"deploy.yaml": hooks})
    assert found.projects["shop"].hook_secret == Secret(env="HOOK")
    for environment in found.environments.values():
        assert Secret(env="HOOK") in environment.withheld
    wrong = configuration.problems({"deploy.yaml": hooks.replace("{env: HOOK}", "plain")})
    assert wrong == [
        "deploy.yaml:3: projects.shop.hooks.secret: must say where the secret is kept, found a "
        "value that is not shown here; write `env: NAME` or `file: path` under it"
    ]


def test_every_mistake_is_told_and_no_hash_or_token_is_shown(configuration: Configuration):
    wrong = """
    tokens:
      a: {sha256: dpt_secret, permissions: [owner, 7], expires: soon}
      b: {token: dpt_secret, permissions: []}
      c: dpt_secret
    """
    lines = configuration.problems(
        {"deploy.yaml": DEPLOY + "\n".join(x[4:] for x in wrong.splitlines())}
    )
    assert [each.partition(", found")[0].partition("deploy.yaml:")[2] for each in lines] == [
        "9: tokens.a.permissions.0: is not one of the known values",
        "9: tokens.a.permissions.1: is not one of the known values",
        "10: tokens.b.permissions: List should have at least 1 item after validation, not 0",
        "10: tokens.b.sha256: is missing",
        "10: tokens.b.token: is an unknown key",
        "11: tokens.c: must be a mapping",
    ]
    assert not [each for each in lines if "dpt_secret" in each]
    assert "found 'owner'" in lines[0]


def test_a_hash_and_an_end_that_are_none(configuration: Configuration):
    wrong = "tokens: {a: {sha256: dpt_secret, permissions: [member], expires: soon}}\n"
    assert configuration.problems({"deploy.yaml": DEPLOY + wrong}) == [
        "deploy.yaml:7: tokens.a.expires: is no time, found 'soon'; write it like 2027-06-30 or "
        "2027-06-30T18:00:00+02:00; without a zone it is UTC",
        "deploy.yaml:7: tokens.a.sha256: is no hash of 64 hexadecimal digits, found a value that "
        "is not shown here; `deploy-project token create NAME --permission …` makes a token, and "
        "prints this line",
    ]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-06-30", datetime(2027, 6, 30, tzinfo=UTC)),
        (" 2027-06-30 ", datetime(2027, 6, 30, tzinfo=UTC)),
        ("2027-06-30T18:00", datetime(2027, 6, 30, 18, tzinfo=UTC)),
        ("2027-06-30 18:00:00+02:00", datetime(2027, 6, 30, 16, tzinfo=UTC)),
        ("2027-06-30T18:00:00Z", datetime(2027, 6, 30, 18, tzinfo=UTC)),
        ("9999-12-31T23:59:59-14:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2027-02-30", None),
        ("never", None),
        ("", None),
    ],
)
def test_the_end_of_a_token(text: str, moment: datetime | None):
    assert moment_of(text) == moment
