"""Which dbt runs: the one beside this package, or an isolated one made once by uv."""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from filelock import FileLock
from packaging.specifiers import SpecifierSet
from uv import find_uv_bin

from deploy_project.config.environment import inherited
from deploy_project.config.state import StateDirectory
from deploy_project.errors import DbtError

_TIMEOUT_SECONDS = 900


@dataclass(frozen=True)
class Installation:
    """A Python that has dbt and one adapter."""

    python: Path
    dbt_version: str
    """As asked for: exact for the dbt beside us, else the wanted `1.10.*`."""


def specifier(version: str) -> str:
    """Return the requirement that `version` stands for: `1.10` and `1.10.*` are any patch of it."""
    return f"=={version}.*" if version.count(".") == 1 else f"=={version}"


def _beside(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def installation(version: str | None, adapter: str, state: StateDirectory) -> Installation:
    """Return an installation of dbt `version` with `adapter`, making it when there is none.

    Raises `DbtError` with the installer's own words when there is no such version or adapter.
    """
    core, package = _beside("dbt-core"), f"dbt-{adapter}"
    fits = core is not None and (version is None or core in SpecifierSet(specifier(version)))
    if core is not None and fits and _beside(package) is not None:
        return Installation(Path(sys.executable), core)
    if version is None:
        raise DbtError(
            f"the profile's type is {adapter!r}, but {package} is not installed beside dbt {core}; "
            f"install {package} there, or set `dbt_version:` of the environment"
        )
    root = state.dbt(f"{version.replace('*', 'x')}-{adapter}")
    python = root / "bin" / "python"
    if not python.exists():
        try:
            _make(root, [f"dbt-core{specifier(version)}", package])
        except DbtError as error:
            raise DbtError(
                f"dbt {version} with {package} can't be installed: {error}\nCorrect `dbt_version:` "
                "of the environment or job, or see that this machine reaches a package index"
            ) from None
    return Installation(python, version)


def _make(root: Path, requirements: list[str]) -> None:
    """Make a virtual environment beside `root` and rename it; the first of several wins."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(root.with_suffix(".lock")):
        if (root / "bin" / "python").exists():
            return
        scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=root.parent))
        try:
            _uv("venv", "--quiet", "--python", sys.executable, str(scratch / "venv"))
            python = str(scratch / "venv" / "bin" / "python")
            _uv("pip", "install", "--quiet", "--python", python, *requirements)
            (scratch / "venv").rename(root)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _uv(*arguments: str) -> None:
    done = subprocess.run(
        [find_uv_bin(), *arguments],
        env=inherited(),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        words = " ".join(arguments[:2])
        raise DbtError(f"`uv {words} … {arguments[-2:]}` failed: {done.stderr.strip()}")
