"""Installations of dbt: the one beside this package, or isolated ones, each made once by uv."""

import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.specifiers import SpecifierSet

from deploy_project.config.state import StateDirectory
from deploy_project.dbt.processes import uv
from deploy_project.errors import DbtError, VersionError

_PACKAGES = {"mariadb": "mysql", "mysql5": "mysql"}


@dataclass(frozen=True)
class Installation:
    """A Python that has dbt and one adapter."""

    python: Path
    dbt_version: str
    """The exact one, also where any patch of `1.10` was asked for."""


def specifier(version: str) -> str:
    """Return the requirement that `version` stands for: `1.10` and `1.10.*` are any patch of it."""
    return f"=={version}.*" if version.count(".") == 1 else f"=={version}"


def installation(version: str | None, adapter: str, state: StateDirectory) -> Installation:
    """Return an installation of dbt `version` with `adapter`, making it when there is none.

    `version` is as the configuration has it; None is the dbt beside us. Raises `VersionError` with
    the installer's own words when there is no such version or adapter, `DbtError` when it can't be
    made for another reason.
    """
    found = existing(version, adapter, state)
    if found is not None:
        return found
    assert version is not None
    root = _root(version, adapter, state)
    try:
        uv.make(root, requirements(version, adapter))
    except DbtError as error:
        raise type(error)(
            f"dbt {version} with {adapter_package(adapter)} can't be installed: {error}\nCorrect "
            "`dbt_version:` of the environment or job, or see that this machine reaches a package "
            "index"
        ) from None
    return _isolated(root)


def beside(version: str | None) -> Installation | None:
    """Return the dbt beside us if it is `version`, which None always is; else None."""
    core = _beside("dbt-core")
    if core is None or (version is not None and core not in SpecifierSet(specifier(version))):
        return None
    return Installation(Path(sys.executable), core)


def at_hand(version: str | None, state: StateDirectory) -> Path | None:
    """Return the Python of dbt `version` where only one can be meant, without knowing an adapter.

    It is beside us, or the only isolated one of that version. None is for none, and for several.
    """
    found = beside(version)
    if found is not None:
        return found.python
    all_dbt = state.dbt("*").parent
    roots = list(all_dbt.glob(_key(version, "*"))) if version is not None else list[Path]()
    pythons = [each for each in map(uv.python, roots) if each.exists()]
    return pythons[0] if len(pythons) == 1 else None


def verify(version: str | None, adapter: str | None, state: StateDirectory) -> None:
    """Raise the error that `installation` would raise, without installing anything.

    Where the adapter is not known, None, this is about dbt alone.
    """
    if existing(version, adapter, state) is not None:
        return
    assert version is not None
    wanted = f"dbt {version}" + (f" with {adapter_package(adapter)}" if adapter else "")
    try:
        uv.resolve(requirements(version, adapter))
    except VersionError as error:
        raise VersionError(f"{wanted} can't be installed: {error}") from None
    except DbtError as error:
        raise DbtError(f"nobody can say whether {wanted} can be installed: {error}") from None


def existing(
    version: str | None, adapter: str | None, state: StateDirectory
) -> Installation | None:
    """Return an installation that is there already; None when it must be made first.

    Raises `DbtError` when nothing may be made, either.
    """
    found = beside(version)
    if found is not None and (adapter is None or _beside(adapter_package(adapter)) is not None):
        return found
    if version is None:
        package, core = adapter_package(adapter or "core"), found.dbt_version if found else None
        raise DbtError(
            f"the profile's type is {adapter!r}, but {package} is not installed beside dbt {core}; "
            f"install {package} there, or set `dbt_version:` of the environment"
        )
    root = _root(version, adapter, state) if adapter is not None else None
    return _isolated(root) if root is not None and uv.python(root).exists() else None


def _isolated(root: Path) -> Installation:
    packages = [str(each) for each in root.glob("lib/python*/site-packages")]
    found = next(iter(metadata.distributions(name="dbt-core", path=packages)), None)
    if found is None:
        raise DbtError(f"there is no dbt in {root} any more; delete it, and it is made again")
    return Installation(uv.python(root), found.version)


def _root(version: str, adapter: str, state: StateDirectory) -> Path:
    """Return the place of an environment; another Python's packages are of no use to ours."""
    return state.dbt(_key(version, adapter))


def _key(version: str, adapter: str) -> str:
    wanted = specifier(version).removeprefix("==").replace("*", "x")
    return f"{wanted}-{adapter}-python{sys.version_info[0]}.{sys.version_info[1]}"


def requirements(version: str, adapter: str | None) -> list[str]:
    """Return the packages to install for dbt `version` with an adapter."""
    packages = [adapter_package(adapter)] if adapter is not None else []
    return [f"dbt-core{specifier(version)}", *packages]


def adapter_package(adapter: str) -> str:
    """Return the name of the package of an adapter."""
    return f"dbt-{_PACKAGES.get(adapter, adapter)}"


def _beside(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
