"""Real repositories to be the remote of a project."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy_project.config.values.deployment import Environment, Project
from deploy_project.git.command import git

WHO = ("-c", "user.name=Ana", "-c", "user.email=ana@example.com", "-c", "commit.gpgSign=false")


@dataclass(frozen=True)
class Repository:
    """A repository with a working tree, in which its developers commit."""

    path: Path

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *WHO, *arguments], cwd=self.path, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def commit(self, files: dict[str, str | bytes], message: str = "Change") -> str:
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            self.git("add", "--force", "--", name)
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


def create(path: Path, *options: str) -> Repository:
    path.mkdir(parents=True)
    repository = Repository(path)
    repository.git("init", "--quiet", "--initial-branch=main", *options)
    repository.commit({"dbt_project.yml": "name: shop\n"}, "First")
    return repository


def project(repository: Repository | str, subdirectory: str = "") -> Project:
    url = repository if isinstance(repository, str) else str(repository.path)
    return Project(name="shop", id=1, repository=url, subdirectory=subdirectory)


def environment(of: Project, *, branch: str | None = None, tag: str | None = None) -> Environment:
    return Environment(
        name="production", id=1, project=of, type="production", branch=branch, tag=tag
    )


def files(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): path.read_text()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def heads(repository: Path) -> dict[str, str]:
    """The commit of each branch, by its reference."""
    lines = git("show-ref", "--heads", cwd=repository).splitlines()
    return {name: commit for commit, name in (line.split() for line in lines)}
