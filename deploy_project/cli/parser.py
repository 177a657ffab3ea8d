"""The argument parser: commands, options and help; commands are imported when called."""

import argparse
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from deploy_project.cli.actions import action
from deploy_project.config.values.tokens import PERMISSIONS
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.tags import Category

_DESCRIPTION = "Deploy dbt projects with Dagster: environments, jobs, merges, docs."
_EPILOG = """\
exit codes:
  0    success
  1    something is wrong that you can correct, or a run failed
  2    the command line was wrong
  3    an unexpected error; a report says where its traceback is
  130  interrupted

The configuration is DEPLOY_CONFIG, else deploy.yaml here, else the embedded example.
The state directory is DEPLOY_STATE, else .deploy beside the configuration.
"""
_STATUSES = [each.lower() for each in Status if each is not Status.SKIPPED]
_LARGEST = 10**18
"""Databases have no larger numbers."""
_RUN = "its id, the beginning of its id, or its number"

Add = Callable[..., argparse.ArgumentParser]


def parser() -> argparse.ArgumentParser:
    """Return the parser.

    Parsed arguments have `command`, `act` to carry it out, and `refuse` to end with its usage.
    """
    root = argparse.ArgumentParser(
        prog="deploy-project",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action=_Version, help="show the versions and exit")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, what: str, *, example: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=what,
            description=f"{what[0].upper()}{what[1:]}.",
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(act=action(name), refuse=made.error)
        return made

    _add_setup(add)
    _add_front(add)
    _add_runs(add)
    _add_pull_requests(add)
    _add_notify(add)
    return root


def _add_setup(add: Add) -> None:
    init = add(
        "init",
        "write deploy.yaml, jobs.yml and Dagster's two files for a dbt project",
        example="deploy-project init https://github.com/acme/analytics.git --branch main",
    )
    init.add_argument("url", metavar="GIT_URL", help="the repository: a URL of git's, or a path")
    init.add_argument("--directory", default=".", metavar="DIR", help="where to (default: here)")
    init.add_argument("--branch", help="the branch to deploy (default: the remote's default)")
    init.add_argument("--subdirectory", help="where dbt_project.yml is in the repository")

    load = add(
        "import",
        "write deploy.yaml and jobs.yml for an account of dbt Cloud",
        example="deploy-project import --account 4711 --token-env DBT_CLOUD_TOKEN",
    )
    load.add_argument("--account", type=_positive, required=True, metavar="ID", help="its number")
    load.add_argument(
        "--token-env", required=True, metavar="NAME", help="the variable that holds a token"
    )
    load.add_argument(
        "--url", default="https://cloud.getdbt.com", help="of dbt Cloud (default: %(default)s)"
    )
    load.add_argument("--directory", default=".", metavar="DIR", help="where to (default: here)")

    add(
        "demo",
        "build the embedded example as a production run, and say where to look",
        example="deploy-project demo",
    )
    add(
        "demo-pr",
        "open a pull request of the embedded example, check it, merge it, and clean up",
        example="deploy-project demo-pr",
    )

    check = add(
        "check",
        "report every mistake in the configuration, or show what it says",
        example="deploy-project check --online",
    )
    check.add_argument("--online", action="store_true", help="also ask each git remote")

    deploy = add(
        "deploy",
        "make the head of each environment's branch the commit that Dagster shows",
        example="deploy-project deploy production",
    )
    deploy.add_argument("environments", nargs="*", metavar="ENV", help="default: all of them")
    deploy.add_argument("--commit", metavar="SHA", help="deploy this commit to the one ENV")

    dev = add(
        "dev",
        "start Dagster with its UI here, and the docs beside it",
        example="deploy-project dev --port 3000",
    )
    dev.add_argument("--port", type=_port, help="Dagster's (default: that of dagster_url)")
    dev.add_argument("--docs-port", type=_port, help="of the docs (default: that of docs_url)")


def _add_front(add: Add) -> None:
    serve = add(
        "serve",
        "serve the API, and the newest docs of each environment, over HTTP",
        example="deploy-project serve --port 3001",
    )
    serve.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    serve.add_argument("--port", type=_port, default=3001, help="default: %(default)s")
    serve.add_argument("--certificate", type=Path, metavar="FILE", help="serve https, with this")
    serve.add_argument("--key", type=Path, metavar="FILE", help="the key of the certificate")
    serve.add_argument(
        "--behind-proxy",
        action="store_true",
        help="answer to any host, over plain HTTP: a proxy before it speaks https",
    )

    certificate = add(
        "certificate",
        "make a private authority, and a certificate of it for `serve`",
        example="deploy-project certificate dbt.example.com 10.0.0.7",
    )
    certificate.add_argument("hosts", nargs="+", metavar="HOST", help="a name or an address")
    certificate.add_argument(
        "--directory", type=Path, metavar="DIR", help="default: in the state directory"
    )

    token = add(
        "token",
        "make tokens of the API, and list them",
        example="deploy-project token create airflow --permission job_runner",
    )
    commands = token.add_subparsers(metavar="WHAT", required=True)
    what = "print a new token, and on standard error its lines for deploy.yaml"
    create = commands.add_parser("create", help=what, description=f"{what[0].upper()}{what[1:]}.")
    create.set_defaults(act=action("token create"), what="create")
    create.add_argument("name", metavar="NAME", help="its name: the audit and runs tell it")
    create.add_argument(
        "--permission",
        action="append",
        required=True,
        choices=PERMISSIONS,
        metavar="PERMISSION",
        help=", ".join(PERMISSIONS) + "; may be given again",
    )
    for what in ("project", "environment"):
        create.add_argument(
            f"--{what}",
            action="append",
            default=[],
            metavar="GLOB",
            help=f"only for {what}s of this name; may be given again (default: all)",
        )
    create.add_argument(
        "--expires", type=_time, metavar="TIME", help="2027-06-30, or 2027-06-30T18:00+02:00"
    )
    what = "print the tokens of deploy.yaml, with their permissions, end and last use"
    listed = commands.add_parser("list", help=what, description=f"{what[0].upper()}{what[1:]}.")
    listed.set_defaults(act=action("token list"), what="list")


def _add_runs(add: Add) -> None:
    run = add(
        "run",
        "start a run of a job in the running Dagster",
        example="deploy-project run daily --wait",
    )
    run.add_argument("job", metavar="JOB", help="such as production__daily, or just daily")
    run.add_argument("--cause", help="what the run's record says it was started for")
    run.add_argument("--commit", metavar="SHA", help="build this commit, a full id")
    run.add_argument("--branch", metavar="NAME", help="build the head of this branch")
    run.add_argument("--schema", metavar="NAME", help="build into this schema instead")
    run.add_argument(
        "--step",
        action="append",
        default=[],
        metavar="COMMAND",
        help="do this instead of the job's commands: 'dbt build -s orders'; can be repeated",
    )
    run.add_argument("--threads", type=_positive, metavar="N", help="dbt's threads")
    run.add_argument("--target-name", metavar="NAME", help="`target.name`")
    run.add_argument("--dbt-version", metavar="VERSION", help="such as 1.10.*")
    run.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="0 is no limit")
    run.add_argument(
        "--docs", action=argparse.BooleanOptionalAction, help="make docs, or make none"
    )
    run.add_argument(
        "--pull-request",
        type=_positive,
        metavar="N",
        help="build in the schema of this pull request, with --commit or --branch; for CI jobs",
    )
    _add_wait(run)

    retry = add(
        "retry",
        "start a run that goes on where another one has failed",
        example="deploy-project retry 3f2a --wait",
    )
    retry.add_argument("run", metavar="RUN", help=_RUN)
    retry.add_argument("--from-start", action="store_true", help="run the whole job again")
    retry.add_argument(
        "--same-commit", action="store_true", help="build its commit, not the head of the branch"
    )
    retry.add_argument(
        "--select",
        nargs="+",
        default=[],
        metavar="MODEL",
        help="of what is left to do in the failed command, only what these selectors of dbt's name",
    )
    _add_wait(retry)

    cancel = add(
        "cancel",
        "cancel a run that waits or is in progress",
        example="deploy-project cancel 3f2a",
    )
    cancel.add_argument("run", metavar="RUN", help=_RUN)

    runs = add(
        "runs",
        "list runs of deployment jobs, the newest first",
        example="deploy-project runs --job daily --status error",
    )
    _add_filters(runs)
    runs.add_argument("--limit", type=_positive, default=20, metavar="N", help="default: 20")
    runs.add_argument("--offset", type=_natural, default=0, metavar="N", help="leave out the first")
    runs.add_argument("--json", action="store_true", help="print JSON, with all that is known")

    add(
        "index",
        "make the index of runs anew, which lists are read from",
        example="deploy-project index",
    )

    logs = add(
        "logs",
        "print the logs of a run's steps, also while it runs",
        example="deploy-project logs 3f2a --step 4",
    )
    logs.add_argument("run", metavar="RUN", help=_RUN)
    logs.add_argument("--step", type=_positive, metavar="N", help="only this step's")
    logs.add_argument("--debug", action="store_true", help="dbt's debug logs (dbt.log) instead")
    logs.add_argument("--follow", action="store_true", help="wait for more until the run has ended")


def _add_filters(runs: argparse.ArgumentParser) -> None:
    again = "; may be given again"
    runs.add_argument("--job", metavar="JOB", help="only this job's")
    runs.add_argument("--project", metavar="PROJECT", help="only this project's")
    runs.add_argument(
        "--environment", action="append", metavar="ENV", help=f"only this environment's{again}"
    )
    runs.add_argument(
        "--status",
        action="append",
        choices=_STATUSES,
        metavar="STATUS",
        help=", ".join(_STATUSES) + again,
    )
    runs.add_argument(
        "--trigger",
        action="append",
        choices=get_args(Category),
        metavar="TRIGGER",
        help=", ".join(get_args(Category)) + again,
    )
    runs.add_argument("--commit", metavar="SHA", help="only of this commit, a full id")
    runs.add_argument("--branch", metavar="NAME", help="only of this branch")
    runs.add_argument(
        "--pull-request", type=_natural, metavar="N", help="only of this pull request"
    )
    runs.add_argument("--number", type=_natural, metavar="N", help="only the run of this number")
    for what in ("created", "finished"):
        for when in ("after", "before"):
            runs.add_argument(
                f"--{what}-{when}",
                type=_time,
                metavar="TIME",
                help=f"only {what} {when} it: 2026-11-30, or 2026-11-30T06:00+01:00",
            )
    runs.add_argument(
        "--warnings",
        action=argparse.BooleanOptionalAction,
        help="only those with warnings or failed check-boxes, or without",
    )
    runs.add_argument("--dbt-version", metavar="VERSION", help="only by this one, such as 1.11.2")
    runs.add_argument(
        "--docs",
        action=argparse.BooleanOptionalAction,
        help="only those that have made docs, or have not",
    )
    runs.add_argument("--deferred-to", metavar="ID", help="only deferred to the state of this run")


def _add_pull_requests(add: Add) -> None:
    ci = add(
        "ci",
        "look after pull requests and what they have built",
        example="deploy-project ci sweep --dry-run",
    )
    commands = ci.add_subparsers(metavar="WHAT", required=True)
    what = "have the open pull requests asked for now, as a webhook would"
    poll = commands.add_parser("poll", help=what, description=f"{what[0].upper()}{what[1:]}.")
    poll.add_argument("--project", metavar="PROJECT", help="default: all that have CI jobs")
    poll.set_defaults(act=action("ci poll"))
    what = "drop what pull requests have built that are closed, or had no run for long"
    sweep = commands.add_parser("sweep", help=what, description=f"{what[0].upper()}{what[1:]}.")
    sweep.set_defaults(act=action("ci sweep"))
    sweep.add_argument("--dry-run", action="store_true", help="only show what would go, and why")
    sweep.add_argument("--environment", metavar="ENV", help="default: all of them")


def _add_notify(add: Add) -> None:
    notify = add(
        "notify",
        "try the channels of messages, and show what was delivered",
        example="deploy-project notify test team",
    )
    commands = notify.add_subparsers(dest="notify", metavar="WHAT", required=True)

    def more(name: str, what: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
        made.set_defaults(act=action(f"notify {name}"))
        return made

    test = more("test", "send a message to a channel now")
    test.add_argument("channel", metavar="CHANNEL", help="its name in deploy.yaml")
    preview = more("preview", "print the message on a run that has ended; nothing is sent")
    preview.add_argument("run", metavar="RUN", help=_RUN)
    preview.add_argument("--channel", required=True, metavar="CHANNEL", help="as it looks there")
    more("webhooks", "list the subscriptions to webhooks, and how their deliveries have gone")
    again = more("reactivate", "have a webhook that was deactivated get events again")
    again.add_argument("webhook", metavar="WEBHOOK", help="its name in deploy.yaml, or its id")
    log = more("log", "print the deliveries of the last seven days, and what is still due")
    log.add_argument("--channel", metavar="CHANNEL", help="only this channel's")
    log.add_argument("--run", metavar="ID", help="only of runs whose ids begin so")


def _add_wait(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--wait",
        action="store_true",
        help="show its logs, exit 0 or 1 as it ends; Ctrl-C cancels the run",
    )


class _Version(argparse.Action):
    """Show the versions, which are looked up only then."""

    def __init__(self, **options: Any) -> None:
        super().__init__(nargs=0, **options)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from deploy_project.cli.unexpected_error import versions

        print(versions())
        parser.exit()


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= _LARGEST:
        raise ValueError(text)
    return number


def _seconds(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _natural(text: str) -> int:
    number = int(text)
    if not 0 <= number <= _LARGEST:
        raise ValueError(text)
    return number


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()  # without a zone, of this machine's
    except OverflowError as error:
        raise ValueError(text) from error


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number < 65536:
        raise ValueError(text)
    return number


_positive.__name__, _seconds.__name__ = "positive number", "number of seconds"
_natural.__name__, _time.__name__ = "number", "time"
_port.__name__ = "port"
