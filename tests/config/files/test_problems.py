"""Every mistake in the files, with the exact line that it is told by."""

from pathlib import Path

import pytest

from deploy_project.config.resolve.loading import load_deployment
from deploy_project.errors import ConfigError
from tests.support.deployments.configuration_files import DEPLOY, Configuration

PROJECT = "projects: {shop: {repository: /shop}}\n"
ENVIRONMENT = "environments: {production: {}}\n"
SECRET_REMEDY = "write `env: NAME` or `file: path` under it"
PURPOSE_REMEDY = (
    "take it out; what dbt needs of its own is a variable under `variables:`, such as "
    "`DBT_ENV_SECRET_TOKEN: {{env: {}}}`"
)
HIDDEN = "found a value that is not shown here"
QUOTES = "write text; put it in quotes when it looks like a number"
KNOWN = "name an environment of deploy.yaml: 'production', 'staging'"
NO_FILE = "correct the path, which is relative to deploy.yaml, or create the file"


def project(keys: str) -> str:
    return f"projects: {{shop: {{{keys}}}}}\n{ENVIRONMENT}"


def environments(text: str) -> str:
    return f"{PROJECT}environments: {{{text}}}\n"


def top(text: str) -> str:
    return f"{PROJECT}{ENVIRONMENT}{text}\n"


DEPLOY_FILES = [
    ("", "1: environments: names no environment, found nothing; add one, such as `production`"),
    ("- a", "1: (file): must be a mapping, found a list; write `key: value` lines"),
    ("a: 1\na: 2", "2: (file): the key 'a' appears twice in one mapping; correct it"),
    (
        "a: [}",
        "1: (file): is not YAML: while parsing a flow node, expected the node content, "
        "but found '}'; correct it",
    ),
    (
        top("jbos: []"),
        "3: jbos: is an unknown key, found 'jbos'; did you mean 'jobs'?",
    ),
    (
        top("account: {id: 1, name: a, plan: x}"),
        "3: account.plan: is an unknown key, found 'plan'; "
        "remove it (known here: id, name, run_slots)",
    ),
    (
        top("account: {id: one, name: a}"),
        "3: account.id: must be a whole number, found 'one'; write digits without quotes",
    ),
    (
        top("account: {run_slots: 7}"),
        "3: account.run_slots: is a number that dagster.yaml has no rule for, found 7; "
        "use 1, 2, 3, 4, 5, 6, 8 or 10, or leave it out for no limit",
    ),
    (
        environments("production: {concurrency: 20}"),
        "2: environments.production.concurrency: is a number that dagster.yaml has no rule for, "
        "found 20; use 1, 2, 3, 4, 5, 6, 8 or 10, or leave it out for no limit",
    ),
    (
        top("defaults: {deactivate_after: -1}"),
        "3: defaults.deactivate_after: is too small, found -1; use at least 0",
    ),
    (
        project("repository: /shop, subdirectry: dbt"),
        "1: projects.shop.subdirectry: is an unknown key, found 'subdirectry'; "
        "did you mean 'subdirectory'?",
    ),
    (
        project("id: 1"),
        "1: projects.shop.repository: is missing, found nothing; add it",
    ),
    (
        "projects: {my shop: {repository: /a}}\n" + ENVIRONMENT,
        "1: projects.my shop: has a character that names can't have, found 'my shop'; "
        "use A-Z a-z 0-9 _ and -",
    ),
    (
        environments("a.b: {}"),
        "2: environments.a.b: has a character that names can't have, found 'a.b'; "
        "use A-Z a-z 0-9 _ and -",
    ),
    (
        project("repository: 'https://me:hunter2@git.example/shop.git'"),
        "1: projects.shop.repository: has credentials, found 'https://***@git.example/shop.git'; "
        "take them out, and give `username` and `token` at the project",
    ),
    (
        project("repository: 'https://hunter2@git.example/shop.git'"),
        "1: projects.shop.repository: has credentials, found 'https://***@git.example/shop.git'; "
        "take them out, and give `username` and `token` at the project",
    ),
    (
        project("repository: ''"),
        "1: projects.shop.repository: is empty, found ''; write a value, or leave the key out",
    ),
    *(
        (
            project(f"repository: /shop, subdirectory: {path}"),
            f"1: projects.shop.subdirectory: must stay inside the repository, found '{path}'; "
            "give a path below the repository's root, without `..`",
        )
        for path in ("../dbt", "a/../../b", "/dbt", "~/dbt")
    ),
    (
        project("repository: /shop, hosting: {kind: gitlab}"),
        "1: projects.shop.hosting.url: is missing, found nothing; "
        "add `url`, which can't be told from the repository's address",
    ),
    (
        project("repository: /shop, hosting: {url: 'https://git.example/shop'}"),
        "1: projects.shop.hosting.kind: is missing, found nothing; "
        "add `kind`, which can't be told from the repository's address",
    ),
    (
        project("repository: /shop, hosting: {kind: bitbucket}"),
        "1: projects.shop.hosting.kind: is not one of the known values, found 'bitbucket'; "
        "use 'github', 'gitlab' or 'gitea'",
    ),
    *(
        (
            project(f"repository: /shop, pull_requests: {{refs: '{refs}'}}"),
            "1: projects.shop.pull_requests.refs: is no pattern of git references, "
            f"found '{refs}'; write one with one `*`, such as `refs/pull/*/head`, "
            "or `pr/*` for branches",
        )
        for refs in ("pr", "*/*", "refs/*/a b", "pr/[0-9]*", "-pr/*/../x", "a//*")
    ),
    (
        project("repository: /shop, pull_requests: {without_state: build}"),
        "1: projects.shop.pull_requests.without_state: is not one of the known values, "
        "found 'build'; use 'fail' or 'build_all'",
    ),
    (
        project("repository: 'https://github.com/acme/shop', hosting: {token: hunter2}"),
        f"1: projects.shop.hosting.token: must say where the secret is kept, {HIDDEN}; "
        f"{SECRET_REMEDY}",
    ),
    (
        project("repository: 'https://github.com/acme/shop', hosting: {api_url: api.github.com}"),
        "1: projects.shop.hosting.api_url: is not a web address, found 'api.github.com'; "
        "write https://host/path, without credentials",
    ),
    (
        project("repository: 'https://github.com/shop', hosting: {token: {env: A}}"),
        "1: projects.shop.hosting.url: names no repository, found 'https://github.com/shop'; "
        "give the address of the repository's page: https://host/owner/name",
    ),
    (
        project("repository: /shop, token: hunter2"),
        f"1: projects.shop.token: must say where the secret is kept, {HIDDEN}; {SECRET_REMEDY}",
    ),
    (
        project("repository: /shop, token: {env: A, file: b}"),
        "1: projects.shop.token: must have one of 'env' and 'file', "
        f"found 'env', 'file'; {SECRET_REMEDY}",
    ),
    (
        project("repository: /shop, token: {env: 1}"),
        f"1: projects.shop.token.env: must be text, {HIDDEN}; {SECRET_REMEDY}",
    ),
    (
        project("repository: /shop, pass_variables: HOST"),
        f"1: projects.shop.pass_variables: must be a list, {HIDDEN}; write a `- item` line for "
        "each",
    ),
    *(
        (
            project(f"repository: /shop, pass_variables: [HOST, {wrong}]"),
            "1: projects.shop.pass_variables.1: is no name of an environment variable, "
            f"{found}; write one name for each, of letters, digits and '_'",
        )
        for wrong, found in [
            *((each, HIDDEN) for each in ("TOKEN=hunter2", "SNOWFLAKE_*", "1ST", "''", "12")),
            *(("{HOST: hunter2}", "found a mapping"), ("null", "found nothing")),
        ]
    ),
    *(
        (
            environments(f"production: {{pass_variables: [{name}]}}"),
            f"2: environments.production.pass_variables.0: never passes, found '{name}'; write a "
            "name with its value under `variables:`, where names begin with `DBT_`",
        )
        for name in ("DBT_HOST", "DBT_ENV_SECRET_A", "DEPLOY_STATE", "DAGSTER_HOME")
    ),
    (
        environments("production: {pass_variables: [HOST, PORT, HOST]}"),
        "2: environments.production.pass_variables.2: is given twice, found 'HOST'; keep one of "
        "them",
    ),
    (
        project("repository: /shop, token: {env: GIT_TOKEN}, pass_variables: [HOST, GIT_TOKEN]"),
        "1: projects.shop.pass_variables.1: holds the secret of projects.shop.token, which dbt "
        f"must not see, found 'GIT_TOKEN'; {PURPOSE_REMEDY.format('GIT_TOKEN')}",
    ),
    (
        project('repository: "https://github.com/a/b", hosting: {token: {env: API}}').replace(
            "production: {}", "production: {pass_variables: [API]}"
        ),
        "2: environments.production.pass_variables.0: holds the secret of "
        "projects.shop.hosting.token, which dbt must not see, found 'API'; "
        f"{PURPOSE_REMEDY.format('API')}",
    ),
    (
        "projects: {shop: {repository: /shop}, other: {repository: /o, token: {env: THEIRS}}}\n"
        "environments: {production: {project: shop, pass_variables: [THEIRS]}}",
        "2: environments.production.pass_variables.0: holds the secret of projects.other.token, "
        f"which dbt must not see, found 'THEIRS'; {PURPOSE_REMEDY.format('THEIRS')}",
    ),
    (
        project("repository: /shop, variables: {DBT_ENV_SECRET_A: hunter2}"),
        "1: projects.shop.variables.DBT_ENV_SECRET_A: is a secret and must not be in this file, "
        f"{HIDDEN}; {SECRET_REMEDY}",
    ),
    (
        project("repository: /shop, variables: {dbt_env_secret_a: hunter2}"),
        "1: projects.shop.variables.dbt_env_secret_a: is a secret and must not be in this file, "
        f"{HIDDEN}; {SECRET_REMEDY}",
    ),
    (
        project("repository: /shop, variables: {LIMIT: 1}"),
        "1: projects.shop.variables.LIMIT: must begin with `DBT_`, found 'LIMIT'; "
        "use letters, digits and '_' after `DBT_`",
    ),
    (
        project("repository: /shop, variables: {DBT_A: 1, dbt_a: 2}"),
        "1: projects.shop.variables.dbt_a: is given twice, found 'dbt_a'; "
        "keep one of them (case makes no difference)",
    ),
    (
        project("repository: /shop, variables: {DBT_A: [1]}"),
        "1: projects.shop.variables.DBT_A: must be one value, found a list; "
        'write text, a number, true or false, or `env: NAME`; "" is empty text',
    ),
    (
        project("repository: /shop, variables: {DBT_A: }"),
        "1: projects.shop.variables.DBT_A: must be one value, found nothing; "
        'write text, a number, true or false, or `env: NAME`; "" is empty text',
    ),
    (
        project("repository: /shop, variables: [hunter2]"),
        "1: projects.shop.variables: must be a mapping, found a list; "
        "write `key: value` lines under it",
    ),
    (
        "projects: {a: {id: 1, repository: /a}, b: {id: 1, repository: /b}}\n"
        "environments: {production: {project: a}}",
        "1: projects.b.id: is also the id of 'a' at deploy.yaml:1, found 1; "
        "give one of them another `id`",
    ),
    (
        "projects: {a: {id: 1, repository: /a}, b: {repository: /b}}\nenvironments: {production: }",
        "2: environments.production: must be a mapping, found nothing; "
        "write `key: value` lines under it",
    ),
    (
        "projects: {a: {repository: /a}, b: {repository: /b}}\nenvironments: {production: {}}",
        "2: environments.production.project: is missing, and there are several projects, "
        "found nothing; name one of the projects: 'a', 'b'",
    ),
    (
        environments("production: {project: shops}"),
        "2: environments.production.project: is no project, found 'shops'; "
        "name a known one: 'shop'",
    ),
    (
        environments("a: {type: production}, b: {type: production}"),
        "2: environments.b.type: is also the type of 'a', and project 'shop' can have one "
        "production environment only, found 'production'; make one of them `general`",
    ),
    (
        environments("a: {type: staging}, b: {type: staging}"),
        "2: environments.b.type: is also the type of 'a', and project 'shop' can have one "
        "staging environment only, found 'staging'; make one of them `general`",
    ),
    (
        environments("eu-west: {}, eu_west: {}"),
        "2: environments.eu_west: looks like 'eu-west', found eu_west; "
        "rename one: Dagster's names can't tell `-` from `_`",
    ),
    (
        "projects: {a-b: {repository: /a}, a_b: {repository: /b}}\n"
        "environments: {production: {project: a-b}}",
        "1: projects.a_b: looks like 'a-b', found a_b; "
        "rename one: Dagster's names can't tell `-` from `_`",
    ),
    (
        environments("a: {type: prod}"),
        "2: environments.a.type: is not one of the known values, found 'prod'; "
        "use 'production', 'staging' or 'general'",
    ),
    (
        environments("a: {branch: main, tag: v1}"),
        "2: environments.a.tag: is given beside `branch`, found 'v1'; keep one of the two",
    ),
    (
        environments("a: {connection: {type: duckdb}, target: prod}"),
        "2: environments.a.target: is given beside `connection`, found 'prod'; keep one of the two",
    ),
    (
        environments("a: {connection: {type: duckdb}, profiles_directory: profiles}"),
        "2: environments.a.profiles_directory: is given beside `connection`, found 'profiles'; "
        "keep one of the two",
    ),
    (
        environments("a: {connection: {password: hunter2}}"),
        "2: environments.a.connection.type: is missing, found none; "
        "name the adapter, as an output of profiles.yml does: `type: duckdb`",
    ),
    (
        environments("a: {connection: hunter2}"),
        f"2: environments.a.connection: must be a mapping, {HIDDEN}; "
        "write `key: value` lines under it",
    ),
    (
        environments("a: {extended_attributes: hunter2}"),
        f"2: environments.a.extended_attributes: must be a mapping, {HIDDEN}; "
        "write `key: value` lines under it",
    ),
    (
        environments("a: {extended_attributes: {type: 3}}"),
        f"2: environments.a.extended_attributes.type: must be text, {HIDDEN}; "
        "name an adapter, such as `duckdb`, or leave the key out",
    ),
    (
        environments("a: {threads: 0}"),
        "2: environments.a.threads: is too small, found 0; use at least 1",
    ),
    (
        environments("a: {row_counts: 'yes'}"),
        "2: environments.a.row_counts: must be true or false, found 'yes'; "
        "write one of them, without quotes",
    ),
    (
        environments("a: {dbt_version: 1.10}"),
        f"2: environments.a.dbt_version: must be text, found 1.10; {QUOTES}",
    ),
    *(
        (
            environments(f"a: {{dbt_version: '{version}'}}"),
            f"2: environments.a.dbt_version: is not a version of dbt, found '{version}'; "
            "write it like '1.10', '1.10.3' or '1.10.*', in quotes",
        )
        for version in ("latest", "1", ">=1.10", "1.10.x", "1.*")
    ),
    (
        environments("a: {id: 3}, b: {id: 3}"),
        "2: environments.b.id: is also the id of 'a' at deploy.yaml:2, found 3; "
        "give one of them another `id`",
    ),
    (
        top("jobs: [jobs/*.yml]"),
        f"3: jobs.0: matches no file, found 'jobs/*.yml'; {NO_FILE}",
    ),
    (
        top("vars_files: [nothing.yml]"),
        f"3: vars_files.0: matches no file, found 'nothing.yml'; {NO_FILE}",
    ),
    (
        top("jobs: jobs.yml"),
        "3: jobs: must be a list, found 'jobs.yml'; write a `- item` line for each",
    ),
    (
        top("defaults: {timezone: Mars/Base}"),
        "3: defaults.timezone: is no time zone, found 'Mars/Base'; "
        "use a name of the IANA list, such as Europe/Berlin",
    ),
    (
        top("defaults: {dbt_version: newest}"),
        "3: defaults.dbt_version: is not a version of dbt, found 'newest'; "
        "write it like '1.10', '1.10.3' or '1.10.*', in quotes",
    ),
    (
        top("artifacts: 'abfs://key:hunter2@bucket/dbt'"),
        "3: artifacts: needs a driver for abfs://, found 'abfs://***@bucket/dbt'; "
        "install adlfs beside deploy-project",
    ),
    (
        top("artifacts: gs://bucket"),
        "3: artifacts: needs a driver for gs://, found 'gs://bucket'; "
        "install gcsfs beside deploy-project",
    ),
    (
        top("artifacts: s4://bucket"),
        "3: artifacts: has an unknown protocol, found 's4://bucket'; "
        "use s3://, gs://, abfs:// or a path",
    ),
    (
        top("dagster_url: localhost:3000"),
        "3: dagster_url: is not a web address, found 'localhost:3000'; "
        "write https://host/path, without credentials",
    ),
    (
        top("docs_url: 'https://me:hunter2@docs.example'"),
        "3: docs_url: is not a web address, found 'https://***@docs.example'; "
        "write https://host/path, without credentials",
    ),
]


def ours(keys: str) -> str:
    return f"jobs:\n  one: {{environment: production, {keys}}}"


def steps(command: str) -> str:
    return f"jobs:\n  one:\n    environment: production\n    execute_steps:\n      - {command}"


def fault(what: str) -> str:
    return f"5: jobs.one.execute_steps.0: {what}"


ONE_COMMAND = "write one command per step, and quote what belongs to an argument"
FIVE = "write five fields, such as '30 5 * * MON-FRI'"

KEY = "job_completion_trigger_condition"
ONE_WAY = "keep one of `condition`, `any` and `all`"

JOBS_FILES = [
    ("- a", "1: (file): must be a mapping, found a list; write `key: value` lines"),
    (
        "jobs:\n  one: {}\n  one: {}",
        "3: (file): the key 'one' appears twice in one mapping; correct it",
    ),
    (
        "jobs: [one]",
        "1: jobs: must be a mapping, found a list; write `key: value` lines under it",
    ),
    (
        "jobs: {my job: {environment: production}}",
        "1: jobs.my job: has a character that names can't have, found 'my job'; "
        "use A-Z a-z 0-9 _ and -",
    ),
    (
        ours("execute_step: [dbt run]"),
        "2: jobs.one.execute_step: is an unknown key, found 'execute_step'; "
        "did you mean 'execute_steps'?",
    ),
    (
        ours("triggers: {cron: true}"),
        "2: jobs.one.triggers.cron: is an unknown key, found 'cron'; remove it "
        "(known here: git_provider_webhook, github_webhook, on_merge, schedule)",
    ),
    (
        "a:\n  a: &a {threds: 4}\njobs: {one: {environment: production, settings: {<<: *a}}}",
        "2: jobs.one.settings.threds: is an unknown key, found 'threds'; did you mean 'threads'?",
    ),
    (
        ours("generate_docs: perhaps"),
        "2: jobs.one.generate_docs: must be true or false, found 'perhaps'; write one of them",
    ),
    (
        ours("id: true"),
        "2: jobs.one.id: must be a whole number, found true; write digits only",
    ),
    (ours("dbt_version: 1.10"), f"2: jobs.one.dbt_version: must be text, found 1.10; {QUOTES}"),
    (
        ours("dbt_version: newest"),
        "2: jobs.one.dbt_version: is not a version of dbt, found 'newest'; "
        "write it like '1.10', '1.10.3' or '1.10.*', in quotes",
    ),
    (
        "jobs: {one: {name: One, execute_steps: [dbt run]}}",
        f"1: jobs.one.environment: is missing, found nothing; {KNOWN}",
    ),
    (
        "jobs: {one: {environment: prod}}",
        f"1: jobs.one.environment: is no environment, found 'prod'; {KNOWN}",
    ),
    (
        "jobs: {one: {environment_id: 99, execute_steps: [dbt run]}}",
        "1: jobs.one.environment_id: is the id of no environment, found 99; put `id: 99` at its "
        "environment in deploy.yaml (known ids: 11 is 'production', 12 is 'staging')",
    ),
    (
        ours("environment_id: 12"),
        "2: jobs.one.environment_id: is not the id of environment 'production', which is 11, "
        "found 12; keep the name or the id, not both",
    ),
    (
        ours("project_id: 8"),
        "2: jobs.one.project_id: is not the id of project 'shop' of the job's environment, "
        "found 8; use 7 here, or put this one in deploy.yaml",
    ),
    (
        "account_id: 3\njobs: {one: {environment: production, account_id: 4}}",
        "2: jobs.one.account_id: is not the account 3, found 4; "
        "keep the jobs of one account, whose id is `account.id` in deploy.yaml",
    ),
    *(
        (
            ours(f"job_type: {kind}"),
            f"2: jobs.one.job_type: is a type that is not supported, found '{kind}'; "
            "use one of scheduled, other, ci, merge",
        )
        for kind in ("exposure_sync", "adaptive", "hybrid")
    ),
    (
        ours("name: 'x [[a:b:c]]'"),
        "2: jobs.one.name: has no valid identifier, found '[[a:b:c]]'; "
        "write [[identifier]] or [[filter:identifier]]",
    ),
    (
        "jobs:\n  ci-sweep: {environment: production}",
        "2: jobs.ci-sweep: is what the clean-up after pull requests is called, found 'ci-sweep'; "
        "give the job another identifier",
    ),
    (
        "jobs:\n  a-b: {environment: production}\n  a_b: {environment: production}",
        "3: jobs.a_b: has the same name in Dagster as 'a-b' at jobs.yml:2, "
        "found 'production__a_b'; give one of them another identifier",
    ),
    (
        "jobs:\n  one: {environment: production}\n  two: {environment: staging, name: 'x [[one]]'}",
        "3: jobs.two: has the same identifier as the job at jobs.yml:2, found 'one'; "
        "give one of them another identifier",
    ),
    (
        "jobs:\n  a: {environment: production, id: 5}\n  b: {environment: staging, linked_id: 5}",
        "3: jobs.b.id: is also the id of 'production__a' at jobs.yml:2, found 5; "
        "give one of them another `id`",
    ),
    (
        ours("execute_steps: []"),
        "2: jobs.one.execute_steps: has no command, found an empty list; "
        "list at least one, such as `- dbt build`",
    ),
    (
        "jobs: {one: {environment_id: 11}}",
        "1: jobs.one.execute_steps: is missing, found nothing; "
        "list at least one, such as `- dbt build`",
    ),
    (
        steps("python hunter2.py"),
        fault(
            "is not a dbt command, found 'python'; "
            "write `dbt` and a subcommand, such as `dbt build`"
        ),
    ),
    (
        steps("''"),
        fault(
            "is not a dbt command, found nothing; write `dbt` and a subcommand, such as `dbt build`"
        ),
    ),
    *(
        (
            steps(command),
            fault(f"is more than one command, or needs a shell, found {found!r}; {ONE_COMMAND}"),
        )
        for command, found in [
            ("dbt run && dbt test", "&&"),
            ("dbt run || dbt test", "||"),
            ("dbt run; dbt test", ";"),
            ("dbt run | tee log", "|"),
            ("dbt ls > list", ">"),
            ("dbt run < list", "<"),
            ("dbt run --select $(list)", "$("),
            ("dbt run --select `list`", "`"),
            ('"dbt run\\ndbt test"', "dbt"),
        ]
    ),
    (
        steps("dbt run --select " + "a" * 9_984),
        fault("is too long, found 10001 characters; use at most 10000 characters"),
    ),
    *(
        (
            ours(f"settings: {{target_name: {name}}}, execute_steps: [dbt build]"),
            f"2: jobs.one.settings.target_name: has a character that names can't have, "
            f"found '{name}'; use A-Z a-z 0-9 _ and -",
        )
        for name in ("../x", "a/b", ".hidden", "-x")
    ),
    (
        steps("dbt run --select 'a"),
        fault("can't be split into words: No closing quotation, found an open quote; close it"),
    ),
    *(
        (
            steps(f"dbt run {option}"),
            fault(
                f"has an option that the run sets, found '{option.partition('=')[0]}'; leave it out"
            ),
        )
        for option in (
            "--project-dir x",
            "--profiles-dir=x",
            "--target-path x",
            "--log-path=x",
        )
        for option in [option.replace(" x", "")]
    ),
    *(
        (
            steps(command),
            fault(
                f"names no subcommand of dbt, found '{command}'; "
                "write one after `dbt`, such as `dbt build`"
            ),
        )
        for command in ("dbt --version", "dbt --log-level debug", "dbt --target build")
    ),
    (
        ours("schedule: {cron: '0 0 * *'}"),
        f"2: jobs.one.schedule.cron: has 4 fields where a cron line has 5, found '0 0 * *'; {FIVE}",
    ),
    (
        ours("schedule: {cron: ['0 0 * * *', '0 25 * * *']}"),
        f"2: jobs.one.schedule.cron.1: has no valid hour ('25'), found '0 25 * * *'; {FIVE}",
    ),
    (
        ours("schedule: {cron: '0 0 * * *', timezone: Mars/Base}"),
        "2: jobs.one.schedule.timezone: is no time zone, found 'Mars/Base'; "
        "use a name of the IANA list, such as Europe/Berlin",
    ),
    (
        ours("schedule: {timezone: UTC}"),
        "2: jobs.one.schedule.cron: is missing, found nothing; add it",
    ),
    (
        ours("triggers: {schedule: true}"),
        "2: jobs.one.schedule.cron: is missing, found nothing; "
        "add `schedule.cron`, or set `triggers.schedule` to false",
    ),
    (
        ours("id: 5, self_deferring: true, deferring_job_definition_id: 5"),
        "2: jobs.one.self_deferring: is given beside `deferring_job_definition_id`, found true; "
        "keep one",
    ),
    (
        ours("id: 5, job_completion_trigger_condition: {condition: {job_id: 5, statuses: [1]}}"),
        "2: jobs.one.job_completion_trigger_condition.condition.statuses.0: "
        "is not one of the known values, found 1; use 10, 20 or 30",
    ),
    *(
        (ours(f"job_completion_trigger_condition: {trigger}"), f"2: jobs.one.{KEY}{problem}")
        for trigger, problem in [
            ("{}", f": names no parent, found a mapping; {ONE_WAY}"),
            (
                "{any: [{job: one}], all: [{job: one}]}",
                f": has more than one way to name parents, found 'any' and 'all'; {ONE_WAY}",
            ),
            (
                "{any: []}",
                ".any: names no parent, found an empty list; "
                "list at least one, such as `- job: daily`",
            ),
            (
                "{some: []}",
                ".some: is an unknown key, found 'some'; "
                "remove it (known here: all, any, condition)",
            ),
            (
                "{all: [{asset: a}, {jobb: one}]}",
                ".all.1.jobb: is an unknown key, found 'jobb'; did you mean 'job'?",
            ),
            (
                "{any: {job: one}}",
                ".any: must be a list, found a mapping; write a `- item` line for each",
            ),
            (
                "{any: [one]}",
                ".any.0: must be a mapping, found 'one'; write `key: value` lines under it",
            ),
            (
                "{any: [{statuses: [10]}]}",
                ".any.0: must name one parent by `job_id`, `job` or `asset`, found none of them; "
                "add one",
            ),
            (
                "{any: [{job: one, asset: a}]}",
                ".any.0: must name one parent by `job_id`, `job` or `asset`, "
                "found 'job' and 'asset'; keep one",
            ),
            (
                "{any: [{location: ingest, asset: a}]}",
                ".any.0.location: belongs to `job`, found 'ingest'; "
                "name the job as `job`, or leave `location` out",
            ),
            (
                "{any: [{location: ' ', job: load}]}",
                ".any.0.location: is no code location, found ' '; "
                "name it as workspace.yaml or Dagster's page Deployment does",
            ),
            (
                "{any: [{location: ingest, job: load orders}]}",
                ".any.0.job: is no name of a Dagster job, found 'load orders'; "
                "name it as Dagster does: letters, digits and `_`",
            ),
            (
                "{any: [{asset: a, statuses: [10]}]}",
                ".any.0.statuses: is given beside `asset`, which has no status, found a list; "
                "leave it out",
            ),
            *(
                (
                    f"{{any: [{{asset: '{key}'}}]}}",
                    f".any.0.asset: is no asset key, found '{key}'; "
                    "write its parts with `/` between them, such as `raw/orders`",
                )
                for key in ("", "raw//orders", "/raw", "raw/", "raw/ orders")
            ),
            (
                "{all: [{asset: a}, {asset: b}, {asset: a}]}",
                ".all.2: is the same parent as entry 1, found asset a; "
                "keep one of them, with the statuses of both",
            ),
            (
                "{any: [{location: x, job: a, statuses: []}]}",
                ".any.0.statuses: has no status, found an empty list; "
                "list 10 (success), 20 (error) or 30 (cancelled), or leave it out for all three",
            ),
            (
                "{any: [{job: one}]}",
                ": starts jobs in a circle, found 'one' starts 'one'; break it at one of them",
            ),
            (
                "{all: [{asset: x}, {asset: production/jobs/one}]}",
                ": starts jobs in a circle, found 'one' starts 'one'; break it at one of them",
            ),
        ]
    ),
    (
        ours("custom_environment_variables: [{LIMIT: 1}]"),
        "2: jobs.one.custom_environment_variables.0.LIMIT: must begin with `DBT_`, found 'LIMIT'; "
        "use letters, digits and '_' after `DBT_`",
    ),
    (
        ours("custom_environment_variables: [{DBT_A: 1, DBT_B: 2}]"),
        "2: jobs.one.custom_environment_variables.0: must be one variable, found a mapping; "
        "write `- NAME: value` for each",
    ),
    (
        ours("custom_environment_variables: [DBT_ENV_SECRET_A=hunter2]"),
        f"2: jobs.one.custom_environment_variables.0: must be one variable, {HIDDEN}; "
        "write `- NAME: value` for each",
    ),
    (
        ours("custom_environment_variables: [{DBT_ENV_SECRET_A: '**********'}]"),
        "2: jobs.one.custom_environment_variables.0.DBT_ENV_SECRET_A: is masked by dbt Cloud's "
        f"export, found asterisks; {SECRET_REMEDY}",
    ),
    (
        "\njobs:\n  one: {environment: '{{ name }}'}",
        "3: (file): uses the variable 'name', found no vars file; "
        "list one under `vars_files` in deploy.yaml",
    ),
    (
        "jobs: {}\n\n{% for %}",
        "3: (file): is not a Jinja template: Expected an expression, got 'end of statement block'; "
        "correct it",
    ),
]


@pytest.mark.parametrize(("text", "problem"), DEPLOY_FILES)
def test_deploy_yaml(configuration: Configuration, text: str, problem: str) -> None:
    found = configuration.problems({"deploy.yaml": text})
    assert f"deploy.yaml:{problem}" in found
    assert len(found) == (1 if text else 2)
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize(("text", "problem"), JOBS_FILES)
def test_jobs_file(configuration: Configuration, text: str, problem: str) -> None:
    found = configuration.problems({"jobs.yml": text})
    assert found == [f"jobs.yml:{problem}"]


def test_all_problems_of_all_files_are_told_at_once(configuration: Configuration) -> None:
    found = configuration.problems(
        {
            "deploy.yaml": """\
            projects:
              shop: {repository: /shop, tokn: {env: A}}
              other: {}
            environments:
              production: {project: shop, threads: many, branch: a, tag: b}
              staging: {project: other}
            jobs: [a.yml, b.yml, c.yml, d.yml]
            """,
            "a.yml": """\
            jobs:
              one: {environment: production, execute_steps: dbt run, dbt_version: x}
              two: {environment: staging, execute_steps: [dbt], deferring_job: one}
            """,
            "b.yml": "jobs: {three: {environment: nowhere, deferring_job: four}}",
            "c.yml": "jobs: {",
        }
    )
    version = "is not a version of dbt, found 'x'; write it like '1.10', '1.10.3' or '1.10.*'"
    assert found == [
        "deploy.yaml:2: projects.shop.tokn: is an unknown key, found 'tokn'; did you mean 'token'?",
        "deploy.yaml:3: projects.other.repository: is missing, found nothing; add it",
        "deploy.yaml:5: environments.production.tag: is given beside `branch`, found 'b'; "
        "keep one of the two",
        "deploy.yaml:5: environments.production.threads: must be a whole number, found 'many'; "
        "write digits without quotes",
        f"deploy.yaml:7: jobs.3: matches no file, found 'd.yml'; {NO_FILE}",
        f"a.yml:2: jobs.one.dbt_version: {version}, in quotes",
        "a.yml:2: jobs.one.execute_steps: must be a list, found 'dbt run'; "
        "write a `- item` line for each",
        "a.yml:3: jobs.two.execute_steps.0: names no subcommand of dbt, found 'dbt'; "
        "write one after `dbt`, such as `dbt build`",
        "b.yml:1: jobs.three.deferring_job: is no job, found 'four', so the deferral is off; "
        "name a known one: 'one'",
        "b.yml:1: jobs.three.environment: is no environment, found 'nowhere'; "
        "name an environment of deploy.yaml: 'production'",
        "c.yml:1: (file): is not YAML: while parsing a flow node, expected the node content, "
        "but found '<stream end>'; correct it",
    ]


def test_one_identifier_in_two_files(configuration: Configuration) -> None:
    text = "jobs:\n  one: {environment: %s}"
    files = {
        "deploy.yaml": DEPLOY + "jobs: [a.yml, b.yml]",
        "a.yml": text % "production",
        "b.yml": text % "staging",
    }
    assert configuration.problems(files) == [
        "b.yml:2: jobs.one: has the same identifier as the job at a.yml:2, found 'one'; "
        "give one of them another identifier"
    ]


def test_variables_of_templates(configuration: Configuration) -> None:
    files = {
        "deploy.yaml": DEPLOY + "vars_files: [a.yml, b.yml]",
        "a.yml": "name: one\nenvironment: production",
        "b.yml": "other: 1\nname: two",
        "jobs.yml": "jobs:\n  {{ name }}:\n    environment: {{ environmnt }}{{ place }}",
    }
    assert configuration.problems(files) == [
        "b.yml:2: name: is also defined in a.yml:1, found 'name'; keep one of them",
        "jobs.yml:3: (file): uses the variable 'environmnt', found no such name in the vars files; "
        "define it there",
        "jobs.yml:3: (file): uses the variable 'place', found no such name in the vars files; "
        "define it there",
    ]


def test_templates_that_fail(configuration: Configuration) -> None:
    files = {
        "deploy.yaml": DEPLOY + "vars_files: [vars.yml]\njobs: [a.yml, b.yml]",
        "vars.yml": "place: {city: Berlin}",
        "a.yml": "a: {{ place.country }}",
        "b.yml": "a: {{ 1 / 0 }}",
    }
    assert configuration.problems(files) == [
        "a.yml:1: (file): can't be rendered: 'dict object' has no attribute 'country'; correct it",
        "b.yml:1: (file): can't be rendered (ZeroDivisionError); correct it",
    ]


def test_nobody_blames_a_reference_to_what_has_a_mistake(configuration: Configuration) -> None:
    text = """\
    jobs:
      one: {environment: nowhere, id: 5}
      two: {environment: production, deferring_job_definition_id: 5}
      three: {environment: production, deferring_job: one}
    """
    found = configuration.problems({"jobs.yml": text})
    assert found == [
        f"jobs.yml:2: jobs.one.environment: is no environment, found 'nowhere'; {KNOWN}"
    ]


def test_jobs_that_start_each_other(configuration: Configuration) -> None:
    """Also across environments, and where only one of several parents closes the circle."""
    text = """\
    jobs:
      a: {environment: production, job_completion_trigger_condition: {all: [{job: b}, {job: d}]}}
      b: {environment: staging, job_completion_trigger_condition: {any: [{asset: x}, {job: c}]}}
      c: {environment: production, id: 3, job_completion_trigger_condition: {any: [{job: a}]}}
      d: {environment: staging, job_completion_trigger_condition: {condition: {job_id: 3}}}
    """
    assert configuration.problems({"jobs.yml": text}) == [
        "jobs.yml:2: jobs.a.job_completion_trigger_condition: starts jobs in a circle, "
        "found 'a' starts 'c' starts 'b' starts 'a'; break it at one of them"
    ]


def test_duplicate_keys_do_not_show_their_values(configuration: Configuration) -> None:
    """The YAML library's own message for a duplicate key has both values in it."""
    text = "token: hunter2\ntoken: hunter3"
    assert configuration.problems({"deploy.yaml": text}) == [
        "deploy.yaml:2: (file): the key 'token' appears twice in one mapping; correct it"
    ]


def test_a_file_that_is_not_utf_8(configuration: Configuration) -> None:
    configuration.write({})
    (configuration.root / "jobs.yml").write_bytes(b"jobs: \xff")
    with pytest.raises(ConfigError, match=r"jobs\.yml:1: \(file\): can't be read: it is not UTF-8"):
        load_deployment(configuration.root / "deploy.yaml", state=configuration.root)


def test_a_missing_deploy_yaml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load_deployment(tmp_path / "deploy.yaml", state=tmp_path)
    assert str(raised.value) == (
        f"{tmp_path}/deploy.yaml does not exist; set DEPLOY_CONFIG or create the file"
    )


def test_a_missing_default_jobs_file(tmp_path: Path) -> None:
    (tmp_path / "deploy.yaml").write_text(DEPLOY)
    with pytest.raises(ConfigError) as raised:
        load_deployment(tmp_path / "deploy.yaml", state=tmp_path)
    assert str(raised.value) == (
        f"{tmp_path}/deploy.yaml:1: jobs: matches no file, found 'jobs.yml'; {NO_FILE}"
    )
