"""The check of `dbt_version`, with dbt Cloud's release tracks translated."""

import re

from deploy_project.config.files.documents import Place
from deploy_project.config.files.problems import Problems

_VERSION = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}(\.([0-9]{1,9}|\*))?")
# https://docs.getdbt.com/docs/dbt-versions/cloud-release-tracks
_TRACKS = {"versionless", "latest", "compatible", "extended", "fallback", "latest-fusion"}
_OLD_TRACK = re.compile(r"([0-9]{1,9}\.[0-9]{1,9})(\.0)?-latest")


def version(place: Place, text: str | None, problems: Problems) -> str | None:
    """Return a version such as `1.10`, `1.10.3` or `1.10.*`; note a problem with any other."""
    if text is not None and not is_version(text):
        remedy = "write it like '1.10', '1.10.3' or '1.10.*', in quotes"
        problems.add(place, "is not a version of dbt", remedy=remedy)
    return text


def job_version(place: Place, text: str | None, problems: Problems) -> str | None:
    """Return the version that a job's text means; None is the environment's own."""
    return version(place, meant(text) if text is not None else None, problems)


def is_version(text: str) -> bool:
    """Whether `text` is a version such as `1.10`, `1.10.3` or `1.10.*`."""
    return _VERSION.fullmatch(text) is not None


def meant(text: str) -> str | None:
    """Return the version that a job's `text` means, if it is one.

    dbt Cloud's release tracks mean the environment's own, None; `1.7.0-latest`, its older way,
    means `1.7.*`.
    """
    if text.lower() in _TRACKS:
        return None
    old = _OLD_TRACK.fullmatch(text)
    return f"{old[1]}.*" if old else text
