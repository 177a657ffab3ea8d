"""Links to hosting sites."""

import pytest

from deploy_project.config.values.deployment import Hosting
from deploy_project.git.hosting import branch_url, commit_url, file_url

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
        (branch_url(GITHUB, "team/x"), "/tree/team/x"),
        (commit_url(GITLAB, "abc"), "/-/commit/abc"),
        (file_url(GITLAB, "abc", "models/a.sql"), "/-/blob/abc/models/a.sql"),
        (branch_url(GITLAB, "team/x"), "/-/tree/team/x"),
        (commit_url(GITEA, "abc"), "/commit/abc"),
        (file_url(GITEA, "abc", "models/a.sql"), "/src/commit/abc/models/a.sql"),
        (branch_url(GITEA, "team/x"), "/src/branch/team/x"),
        (branch_url(GITHUB, "größe #1?"), "/tree/gr%C3%B6%C3%9Fe%20%231%3F"),
        (branch_url(GITHUB, 'x)[a]<b>"%2e'), "/tree/x%29%5Ba%5D%3Cb%3E%22%252e"),
        (file_url(GITHUB, "abc", "../../../login"), "/blob/abc/login"),
        (file_url(GITHUB, "abc", "//evil.example/./x"), "/blob/abc/evil.example/x"),
        (branch_url(GITHUB, "javascript:alert(1)\n"), "/tree/javascript%3Aalert%281%29%0A"),
        (branch_url(GITHUB, "\udcff"), "/tree/%3F"),
    ],
)
def test_links(link: str, expected: str):
    assert link == URL + expected
