"""The layout of the state directory; the only module that knows it."""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy_project.config import small_files
from deploy_project.errors import ArtifactError, ConfigError

_README = """This directory belongs to deploy_project. `warehouses` is data: DuckDB and SQLite files
to which profiles give relative paths. So is `api`: the jobs and notifications that were made over
the API. The rest may be deleted while nothing runs: repositories are fetched again, and only run
history and artifacts are lost.
"""
_NOTES = {"README": _README, ".gitignore": "*\n"}  # it may lie inside somebody's repository
_DISK = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR}
)


@dataclass(frozen=True)
class Checkout:
    """The directories of one commit; `tree` exists only when it is whole, and is then only read."""

    root: Path

    @property
    def tree(self) -> Path:
        """The files of the commit."""
        return self.root / "tree"

    def packages(self, key: str) -> Path:
        """The packages that `dbt deps` has installed for `tree` by one set of rendered files."""
        return self.root / "packages" / key

    @property
    def lock(self) -> Path:
        """The lock that is held exclusively while `tree` or something beside it is made."""
        return self.root / "lock"

    @property
    def in_use(self) -> Path:
        """The lock that every process using `tree` shares, so that nobody evicts it."""
        return self.root / "in-use"

    def parsed(self, key: str) -> Path:
        """The saved parse of `tree`, with its manifest, under one combination of settings."""
        return self.root / "parsed" / key

    @property
    def selected(self) -> Path:
        """The answers of dbt, which nodes the selections of jobs match, by parse."""
        return self.root / "selected"


@dataclass(frozen=True)
class StateDirectory:
    """The directory of this deployment's files; `root` is absolute."""

    root: Path

    def prepare(self) -> None:
        """Make the directory, or raise `ConfigError` when it can't be written."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            for name, text in _NOTES.items():
                if not (self.root / name).is_file():
                    small_files.write_text(self.root / name, text)
            if not os.access(self.root, os.W_OK):  # a read-only disk, above all
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        except OSError as error:
            raise ConfigError(
                f"state directory {str(self.root)!r} can't be written: {error.strerror}; "
                "set DEPLOY_STATE to a directory that can"
            ) from error

    @contextmanager
    def explained(self, what: str) -> Generator[None]:
        """Turn the error of a full or unwritable disk into an `ArtifactError` with a remedy."""
        try:
            yield
        except OSError as error:
            if error.errno not in _DISK:
                raise
            raise ArtifactError(
                f"{what} failed: {error}; check the space and permissions of the state directory "
                f"{str(self.root)!r}"
            ) from error

    def mirror(self, project: str) -> Path:
        """The bare mirror of one project's remote."""
        return self.root / "repositories" / project / "mirror.git"

    def checkouts(self, project: str) -> Path:
        """The directory of all checkouts of one project."""
        return self.root / "repositories" / project / "checkouts"

    def checkout(self, project: str, commit: str) -> Checkout:
        """The directories of one commit of one project."""
        return Checkout(self.checkouts(project) / commit)

    def package_mirrors(self, project: str) -> Path:
        """The mirrors of the git repositories that packages come from, for pull requests."""
        return self.root / "repositories" / project / "packages"

    def deployed(self, environment: str) -> Path:
        """The deployed pointer of one environment."""
        return self.root / "deployed" / environment

    def names(self, environment: str) -> Path:
        """The names that the deployment's own translator gives the assets of one environment."""
        return self.root / "names" / f"{environment}.json"

    def known(self, environment: str) -> Path:
        """The last known commit of one environment's branch or tag on the remote."""
        return self.root / "known" / environment

    def work(self, run_id: str) -> Path:
        """Scratch space of one run, on this machine only."""
        return self.root / "work" / run_id

    @property
    def all_work(self) -> Path:
        """The parent of every run's scratch space."""
        return self.root / "work"

    def warehouses(self, environment: str) -> Path:
        """The DuckDB and SQLite files that profiles name by relative paths; never evicted."""
        return self.root / "warehouses" / environment

    def found_warehouses(self, project: str, commit: str) -> Path:
        """The new place of DuckDB and SQLite files found in a checkout that is to be evicted."""
        return self.root / "warehouses" / ".found" / project / commit

    def pull_requests(self, environment: str) -> Path:
        """The directory of all pull requests' files on this machine in one environment."""
        return self.root / "pull-requests" / environment

    def pull_request(self, environment: str, job_id: int, number: int) -> Path:
        """The files of one job for an open pull request: a copy of a DuckDB file."""
        return self.pull_requests(environment) / f"{job_id:d}_{number:d}"

    def bell(self, project: str) -> Path:
        """The file that is rewritten to have a project's pull requests asked for at once."""
        return self.root / "bells" / project

    @property
    def api_jobs(self) -> Path:
        """The jobs file of the jobs that were made over the API (DESIGN 18)."""
        return self.root / "api" / "jobs.yml"

    @property
    def api_jobs_lock(self) -> Path:
        """The lock to hold while `api_jobs` is changed."""
        return self.root / "api" / "jobs.lock"

    @property
    def api_jobs_loaded(self) -> Path:
        """The hash of `api_jobs` as Dagster's code location has loaded it last, as far as known."""
        return self.root / "api" / "jobs.loaded"

    @property
    def tokens_used(self) -> Path:
        """The last use of each token of the API, in JSON."""
        return self.root / "api" / "tokens.json"

    @property
    def tokens_used_lock(self) -> Path:
        """The lock to hold while `tokens_used` is changed."""
        return self.root / "api" / "tokens.lock"

    @property
    def api_notifications(self) -> Path:
        """The notifications that were made over the API; its lock is beside it."""
        return self.root / "api" / "notifications.json"

    @property
    def records_lock(self) -> Path:
        """The lock to hold while records are written for runs that could not write their own."""
        return self.root / "records.lock"

    @property
    def requests_lock(self) -> Path:
        """The lock to hold while a run is asked for that must be asked for only once."""
        return self.root / "requests.lock"

    @property
    def notifications(self) -> Path:
        """The messages to deliver, the runs that were looked at, and the log of deliveries."""
        return self.root / "notifications"

    @property
    def audit(self) -> Path:
        """The audit of the API; the file of older lines is beside it."""
        return self.root / "audit.jsonl"

    @property
    def certificates(self) -> Path:
        """The private authority of `deploy-project certificate`, and the server's certificate."""
        return self.root / "certificates"

    @property
    def webhooks(self) -> Path:
        """The subscriptions made over the API, the events to deliver, and their receipts."""
        return self.root / "webhooks"

    def dbt(self, key: str) -> Path:
        """An isolated dbt installation."""
        return self.root / "dbt" / key

    @property
    def artifacts(self) -> Path:
        """The artifact root when deploy.yaml names none."""
        return self.root / "artifacts"
