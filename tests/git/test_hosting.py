"""Links to hosting sites."""

import pytest

from deploy_project.config.values.deployment import Hosting
from deploy_project.git.hosting import commit_url, file_url

URL = "https://git.example/acme/shop"
GITHUB, GITLAB, GITEA = (
    Hosting("github", URL),
    Hosting("gitlab", URL),
    Hosting("gitea", URL),
)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        # https://docs.github.com/en/repositories/working-with-files/using-files
        (commit_url(GITHUB, "abc"), "/commit/abc"),
        (file_url(GITHUB, "abc", "models/a.sql"), "/blob/abc/models/a.sql"),
        (commit_url(GITLAB, "abc"), "/-/commit/abc"),
        (file_url(GITLAB, "abc", "models/a.sql"), "/-/blob/abc/models/a.sql"),
        (commit_url(GITEA, "abc"), "/commit/abc"),
        (file_url(GITEA, "abc", "models/a.sql"), "/src/commit/abc/models/a.sql"),
        (file_url(GITHUB, "abc", "größe #1?"), "/blob/abc/gr%C3%B6%C3%9Fe%20%231%3F"),
        (file_url(GITHUB, "abc", 'x)[a]<b>"%2e'), "/blob/abc/x%29%5Ba%5D%3Cb%3E%22%252e"),
        (file_url(GITHUB, "abc", "../../../login"), "/blob/abc/login"),
        (file_url(GITHUB, "abc", "//evil.example/./x"), "/blob/abc/evil.example/x"),
        (
            file_url(GITHUB, "abc", "javascript:alert(1)\n"),
            "/blob/abc/javascript%3Aalert%281%29%0A",
        ),
        (file_url(GITHUB, "abc", "\udcff"), "/blob/abc/%3F"),
    ],
)
def test_links(link: str, expected: str):
    assert link == URL + expected
