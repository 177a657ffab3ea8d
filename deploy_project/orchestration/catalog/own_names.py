"""The keys of a translator of the deployment's own, for processes that don't import dagster-dbt.

The code server keeps those of the deployed commit; for another commit, a process of its own is
asked: this module is its program.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import fields
from pathlib import Path

from deploy_project.config import small_files
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Environment, TranslatorClass
from deploy_project.errors import ConfigError
from deploy_project.orchestration.catalog.translations import Translation, translations
from deploy_project.orchestration.nodes.asset_keys import Names, assets, key_of_dagster_dbt
from deploy_project.orchestration.nodes.node_facts import ManifestContent
from deploy_project.processes import programs
from deploy_project.processes.deadlines import Stopped

_SECONDS = 120


def differing(found: Mapping[str, Translation], manifest: ManifestContent) -> Names:
    """Return the keys of `found` that our own rule would not give."""
    nodes = assets(manifest)
    return {
        unique_id: list(each.key)
        for unique_id, each in found.items()
        if list(each.key) != key_of_dagster_dbt(nodes[unique_id])
    }


def keep(state: StateDirectory, environment: Environment, commit: str, names: Names) -> None:
    """Keep the names of the deployed commit, in place of those of another one."""
    file = state.names(environment.name)
    if names:
        file.parent.mkdir(parents=True, exist_ok=True)
        small_files.write_text(file, json.dumps({"commit": commit, "names": names}))
    else:
        file.unlink(missing_ok=True)


def own_names(
    environment: Environment, commit: str, manifest: Path, state: StateDirectory
) -> Names | None:
    """Return the names of a commit's nodes that our own rule would not give.

    `manifest` is a file with the commit's. Raises `ConfigError` for a translator that can't be had.
    """
    kept = _kept(state.names(environment.name), commit)
    wanted = environment.project.translator
    if kept is not None or wanted is None:
        return kept
    return _asked(wanted, manifest)


def _kept(file: Path, commit: str) -> Names | None:
    try:
        found = json.loads(file.read_bytes())
        return found["names"] if found["commit"] == commit else None
    except (OSError, ValueError, KeyError, TypeError):  # it is made again when definitions load
        return None


def _asked(wanted: TranslatorClass, manifest: Path) -> Names:
    order = {each.name: str(getattr(wanted, each.name)) for each in fields(wanted)}
    command = [sys.executable, "-m", __name__]
    given = json.dumps({"translator": order, "manifest": str(manifest)}).encode()
    try:
        ended = programs.run(command, seconds=_SECONDS, given=given)
    except (Stopped, OSError) as error:
        raise ConfigError(f"{wanted.place}: the translator could not be asked: {error}") from error
    if ended.code != 0:
        said = ended.messages.decode(errors="replace").strip()
        raise ConfigError(said or f"{wanted.place}: the translator could not be asked")
    return json.loads(ended.output)


def main() -> int:
    """Print the names of the nodes of a manifest by a translator, as standard input says."""
    order = json.load(sys.stdin)
    given = order["translator"]
    directory, file = Path(given.pop("directory")), Path(given.pop("file"))
    wanted = TranslatorClass(directory, file, **given)
    manifest = json.loads(Path(order["manifest"]).read_bytes())
    try:
        with redirect_stdout(sys.stderr):  # a class may print what it likes
            found = differing(translations(wanted, manifest), manifest)
    except ConfigError as error:
        sys.exit(str(error))
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
