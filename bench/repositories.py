"""Git repositories of benchmarks."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_SETTINGS = ("user.name=bench", "user.email=bench@example.com", "commit.gpgsign=false")


@dataclass(frozen=True)
class Repository:
    """The git repository in `path`, of files that somebody else has written."""

    path: Path

    def begin(self) -> None:
        """Make the repository, with one commit of the files there on its branch `main`."""
        self.git("init", "--quiet", "--initial-branch", "main")
        self.commit("Begin")

    def commit(self, message: str) -> str:
        """Commit all files, or nothing where there is no news, and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str, said: str = "") -> str:
        """Run a git command with `said` as its standard input, and return its output."""
        settings = (word for each in _SETTINGS for word in ("-c", each))
        done = subprocess.run(
            ["git", *settings, *arguments],
            cwd=self.path,
            input=said,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout.strip()
