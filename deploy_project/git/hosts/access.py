"""Access to the API of a project's hosting site: its host type, its token, its client."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from deploy_project.config.environment import reveal
from deploy_project.config.values.deployment import Hosting, HostingKind, Project
from deploy_project.errors import ConfigError
from deploy_project.git.hosts.gitea import Gitea
from deploy_project.git.hosts.github import GitHub
from deploy_project.git.hosts.gitlab import GitLab
from deploy_project.git.hosts.host import Host
from deploy_project.git.hosts.http import Api
from deploy_project.git.hosts.refusals import Refusal

Parsed = TypeVar("Parsed")

_HOSTS: dict[HostingKind, Host] = {"github": GitHub(), "gitlab": GitLab(), "gitea": Gitea()}


@dataclass(frozen=True)
class Access:
    """The API client of one repository on its hosting site, for half a minute of requests."""

    host: Host
    api: Api
    repository: str
    refusal: Refusal

    def parsed(self, parse: Callable[[Any], Parsed], data: Any) -> Parsed:
        """Return an answer's `data`, parsed; raise `RemoteError` when `parse` refuses its form."""
        try:
            return parse(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "everything"
            what = f"{self.host.name} answers with something else than it should: {where}"
            remedy = "check `hosting.kind` and `hosting.api_url`"
            raise self.refusal.error(f"{what}: {first['msg']}", remedy) from None


def reachable(project: Project) -> Hosting | None:
    """Return the hosting if its API can be asked: when it is known, and there is a token."""
    hosting = project.hosting
    if hosting is None or not hosting.api_url or hosting.token is None:
        return None
    return hosting


def access(project: Project) -> Access:
    """Return access to the API of a project's hosting, which must be `reachable`.

    Raises `ConfigError` when the token can't be read.
    """
    hosting = reachable(project)
    assert hosting is not None
    assert hosting.token is not None
    host, refusal = _HOSTS[hosting.kind], Refusal(project)
    token = reveal(hosting.token, wanted_by=f"token of the hosting of project {project.name!r}")
    secret = token.get_secret_value()
    if not secret.isascii() or not secret.isprintable() or " " in secret or not secret:
        raise ConfigError(
            f"token of the hosting of project {project.name!r}: {hosting.token} contains "
            "a line break, a space or another letter that no token has; store the token alone"
        )
    api = Api(
        host.name, root=hosting.api_url, headers=host.headers(secret), token=token, refusal=refusal
    )
    return Access(host, api, hosting.repository, refusal)
