"""From the parsed command line to the commands; each is imported only when it is called."""

from argparse import Namespace
from pathlib import Path


def init(given: Namespace) -> int:
    """Carry out `init`."""
    from deploy_project.cli.init import Wish, init

    wish = Wish(url=given.url, branch=given.branch, subdirectory=given.subdirectory)
    return init(wish, Path(given.directory))


def demo(_: Namespace) -> int:
    """Carry out `demo`."""
    from deploy_project.cli.demo import demo

    return demo()


def demo_pr(_: Namespace) -> int:
    """Carry out `demo-pr`."""
    from deploy_project.cli.demo_pr import demo_pr

    return demo_pr()


def check(given: Namespace) -> int:
    """Carry out `check`."""
    from deploy_project.cli.check import check

    return check(online=given.online)


def deploy(given: Namespace) -> int:
    """Carry out `deploy`."""
    from deploy_project.cli.deploy import deploy

    if given.commit is not None and len(given.environments) != 1:
        given.refuse("--commit needs exactly one ENV")
    return deploy(given.environments, commit=given.commit)


def serve(given: Namespace) -> int:
    """Carry out `serve`."""
    from deploy_project.cli.serve import serve

    return serve(host=given.host, port=given.port)


def run(given: Namespace) -> int:
    """Carry out `run`."""
    from deploy_project.cli.run import Wish, run

    wish = Wish(given.cause, given.commit, given.branch, given.schema, given.pull_request)
    return run(given.job, wish, wait=given.wait)


def cancel(given: Namespace) -> int:
    """Carry out `cancel`."""
    from deploy_project.cli.cancel import cancel

    return cancel(given.run)


def retry(given: Namespace) -> int:
    """Carry out `retry`."""
    from deploy_project.cli.retry import retry_run

    if given.from_start and given.select:
        given.refuse("--select narrows the failed command, which --from-start runs whole")
    return retry_run(
        given.run,
        from_start=given.from_start,
        same_commit=given.same_commit,
        select=given.select,
        wait=given.wait,
    )


def ci_sweep(given: Namespace) -> int:
    """Carry out `ci sweep`."""
    from deploy_project.cli.sweep import sweep

    return sweep(given.environment, dry_run=given.dry_run)


def ci_poll(given: Namespace) -> int:
    """Carry out `ci poll`."""
    from deploy_project.cli.poll import poll

    return poll(given.project)


def runs(given: Namespace) -> int:
    """Carry out `runs`."""
    from deploy_project.cli.runs import runs

    return runs(job=given.job, status=given.status, commit=given.commit, limit=given.limit)


def logs(given: Namespace) -> int:
    """Carry out `logs`."""
    from deploy_project.cli.logs import logs

    return logs(given.run, step=given.step, debug=given.debug, follow=given.follow)
