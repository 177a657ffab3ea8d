"""Deployments whose history is in Postgres."""

import re
from collections.abc import Mapping
from pathlib import Path

from tests.support.deployments.site import Site, make_site
from tests.support.paths import ROOT

HISTORY_PASSWORD = "lant3rn-of-dagster"


def documented_storage() -> str:
    """The block of dagster.yaml in docs/configuration.md."""
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(storage:\n.*?)```", text, re.DOTALL)
    return block


def make_site_on_postgres(directory: Path, project: Mapping[str, str]) -> Site:
    """Return a site with Dagster's history in Postgres, as the documentation says."""
    site = make_site(directory, project)
    file = site.root / "dagster.yaml"
    before = file.read_text(encoding="utf-8")
    after = re.sub(r"^storage:\n(?:  .*\n)+", documented_storage(), before, flags=re.MULTILINE)
    assert after != before
    file.write_text(after, encoding="utf-8")
    return site
