"""Paths and URLs of deploy.yaml (repository, artifacts, web addresses), checked and resolved."""

import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from fsspec.registry import (  # pyright: ignore[reportMissingTypeStubs]
    known_implementations,
)

from deploy_project.config.files.addresses import is_host, url_fault
from deploy_project.config.files.documents import Place
from deploy_project.config.files.problems import Problems
from deploy_project.config.values.deployment import TranslatorClass

_STATE = "{state}"
# git reads `host:path` as ssh when no slash comes before the colon.
SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^@/:]+):(?P<path>.+)")
"""A remote in the short spelling of ssh."""

# No option, no character that git forbids in names, none of ls-remote's other wildcards.
_REFERENCES = re.compile(r"refs(/(?!\.)[^\s\x00-\x1f\x7f~^:?\[\\/]+)+")
# The rules of `git branch` and `git tag`: https://git-scm.com/docs/git-check-ref-format
_REFUSED = re.compile(
    r"^-|^HEAD$|^/|/$|//|\.\.|@\{|\.$|(^|/)\.|\.lock(/|$)|[\x00-\x20\x7f~^:?*\[\\]"
)
_LONGEST_REFERENCE = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CLASS = re.compile(r"(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<name>[A-Za-z_]\w*)", re.ASCII)


@dataclass(frozen=True)
class Base:
    """The directory that relative paths begin at, and the one for `{state}`; both are absolute."""

    directory: Path
    state: Path

    def path(self, text: str) -> Path:
        """Return an absolute path."""
        return Path(os.path.normpath(self.directory / os.path.expanduser(self.expanded(text))))

    def expanded(self, text: str) -> str:
        """Return `text` with the state directory in place of `{state}`."""
        return text.replace(_STATE, str(self.state))


def is_reference(text: str) -> bool:
    """Return whether git takes `text` as the name of a branch or tag."""
    short = len(text.encode("utf-8", "surrogatepass")) <= _LONGEST_REFERENCE
    return bool(text) and short and _REFUSED.search(text) is None


def reference(place: Place, text: str | None, problems: Problems) -> str | None:
    """Return the name of a branch or tag; note a problem with one that git refuses."""
    if text is not None and not is_reference(text):
        remedy = "write it as `git branch` or `git tag` lists it"
        problems.add(place, "is a name that git refuses", remedy=remedy)
    return text


def repository(place: Place, text: str, base: Base, problems: Problems) -> str:
    """Return a URL as it is, and a path as an absolute one; a URL with credentials is a problem."""
    text = base.expanded(text)
    if "://" not in text:
        scp = SCP.fullmatch(text)
        if _CONTROL.search(text) or (scp and not is_host(scp["host"])):
            problems.add(place, "is neither a URL nor a path", remedy="correct it")
        return text if scp else str(base.path(text))
    helper, separator, _ = text.partition("::")
    if separator and helper.isalnum():  # of a helper of git's, which knows what may follow
        return text
    fault = url_fault(text)
    if fault is not None:
        problems.add(place, fault.what, remedy=fault.remedy)
        return text
    url = urlsplit(text)
    # The user of ssh is no secret; a name alone before an https host is often a token.
    if url.password or (url.username and url.scheme in ("http", "https")):
        remedy = "take them out, and give `username` and `token` at the project"
        problems.add(place, "has credentials", remedy=remedy)
    return text


def subdirectory(place: Place, text: str, problems: Problems) -> str:
    """Return a path below the repository's root, empty for the root itself."""
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or text.startswith("~"):
        remedy = "give a path below the repository's root, without `..`"
        problems.add(place, "must stay inside the repository", remedy=remedy)
    return "" if str(path) == "." else str(path)


def pattern(place: Place, text: str, problems: Problems) -> str:
    """Return a pattern of git references in full, with one `*` in it; a branch may be short."""
    full = text if text.startswith("refs/") else f"refs/heads/{text}"
    if full.count("*") != 1 or not _REFERENCES.fullmatch(full):
        remedy = "write one with one `*`, such as `refs/pull/*/head`, or `pr/*` for branches"
        problems.add(place, "is no pattern of git references", remedy=remedy)
    return full


def translator(
    place: Place, text: str | None, base: Base, problems: Problems
) -> TranslatorClass | None:
    """Return the class that `module:Class` names; the module is a file beside deploy.yaml.

    It is not imported here: only the processes that show the definitions need it.
    """
    if text is None:
        return None
    named = _CLASS.fullmatch(text)
    if named is None:
        remedy = "write the module and the class: `translator: naming:Translator`"
        problems.add(place, "is no `module:Class`", remedy=remedy)
        return None
    stem = base.directory.joinpath(*named["module"].split("."))
    files = (stem.with_suffix(".py"), stem / "__init__.py")
    file = next((each for each in files if each.is_file()), None)
    if file is None:
        remedy = f"put the class into {files[0]}, beside the configuration"
        problems.add(place, "names a module that is not there", remedy=remedy)
        return None
    key = ".".join(map(str, place.path))
    where = f"{place.where}: {key}"
    return TranslatorClass(base.directory, file, named["module"], named["name"], where)


def artifacts(place: Place, text: str, base: Base, problems: Problems) -> str:
    """Return the URL of the artifact root, or an absolute path; its driver must be installed."""
    scheme, separator, _ = text.partition("://")
    if not separator:
        return str(base.path(text))
    driver: Any = known_implementations.get(scheme)
    if driver is None:
        problems.add(place, "has an unknown protocol", remedy="use s3://, gs://, abfs:// or a path")
        return text
    # Only looked for: importing a driver takes seconds, and every process of Dagster loads this.
    package = str(driver["class"]).partition(".")[0]
    if find_spec(package) is None:
        remedy = f"install {package} beside deploy-project"
        problems.add(place, f"needs a driver for {scheme}://", remedy=remedy)
    fault = None if package == "fsspec" else url_fault(text)
    if fault is not None:
        problems.add(place, fault.what, remedy=fault.remedy)
    return base.expanded(text).rstrip("/")
