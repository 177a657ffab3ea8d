"""The nodes that the commands of jobs build, as dbt selects them in one commit.

dbt is asked when the commit is prepared; the answer is kept beside its parse, for the definitions.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from deploy_project.config import small_files
from deploy_project.config.state import Checkout
from deploy_project.config.values.deployment import Job
from deploy_project.dbt.arguments import flags
from deploy_project.dbt.arguments.commands import selection_options, subcommand
from deploy_project.dbt.arguments.flags import Options
from deploy_project.dbt.processes.process import Program
from deploy_project.releases import parses
from deploy_project.releases.workspace import Workspace

_PROGRAM = Path(__file__).with_name("listing_program.py")
_BUILT: Mapping[str, frozenset[str]] = {
    "build": frozenset({"model", "seed", "snapshot"}),
    "run": frozenset({"model"}),
    "seed": frozenset({"seed"}),
    "snapshot": frozenset({"snapshot"}),
}
"""The subcommands that build nodes, and the kinds of these."""
_OTHER = Options(with_word=("--vars", "--target", "-t", "--profile", "--state", "--defer-state"))
"""Options that would need a parse of their own, or a state; few selections depend on them."""
_OF_STATE = ("state:", "result:", "source_status:")
"""The methods of dbt's that compare with something that is known only when a run begins."""


@dataclass(frozen=True)
class Selecting:
    """The selection of the nodes that one command builds."""

    options: tuple[str, ...]
    """The options of `dbt ls`; empty for all nodes."""
    kinds: frozenset[str]

    @property
    def depends_on_changes(self) -> bool:
        """Whether it compares the project with a state, which only a run has."""
        return any(method in word for word in self.options for method in _OF_STATE)

    @cached_property
    def key(self) -> str:
        """The name of the selection in a file."""
        return json.dumps(self.options)


Answers = Mapping[str, Collection[str] | None]
"""The nodes by the key of a selection; None where dbt has refused to tell."""


def selecting(arguments: Sequence[str]) -> Selecting | None:
    """Return the selection of a command, given after `dbt`; None for one that builds no node."""
    kinds = _BUILT.get(subcommand(arguments) or "")
    if kinds is None:
        return None
    return Selecting(tuple(_OTHER.divided(selection_options(arguments))[1]), kinds)


def asked(jobs: Iterable[Job]) -> list[Selecting]:
    """Return the selections that only dbt can tell, of all commands of `jobs`.

    CI jobs build no asset.
    """
    found = (selecting(each) for job in jobs if job.job_type != "ci" for each in job.steps)
    wanted = {
        each.key: each
        for each in found
        if each is not None and each.options and not each.depends_on_changes
    }
    return [wanted[key] for key in sorted(wanted)]


def file_of(checkout: Checkout, parse_key: str, wanted: Sequence[Selecting]) -> Path:
    """Return the file with the answers for one parse; its name depends on the selections."""
    digest = hashlib.sha256("\n".join(each.key for each in wanted).encode()).hexdigest()[:16]
    return checkout.selected / f"{parse_key}-{digest}.json"


def is_told(checkout: Checkout, parse_key: str, wanted: Sequence[Selecting]) -> bool:
    """Return whether dbt has been asked, or need not be."""
    return not wanted or file_of(checkout, parse_key, wanted).exists()


def told(checkout: Checkout, parse_key: str, wanted: Sequence[Selecting]) -> Answers:
    """Return the answers; empty when dbt was not asked yet, or the file is damaged."""
    try:
        found = json.loads(file_of(checkout, parse_key, wanted).read_bytes())
        return {key: None if each is None else frozenset(each) for key, each in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def ensure_told(
    workspace: Workspace,
    wanted: Sequence[Selecting],
    scratch: Path,
    on_line: Callable[[str], None],
) -> None:
    """Ask dbt for all of `wanted` at once, and keep its answers, unless they are kept already.

    What dbt refuses is kept as such: nobody asks again for a selection that it does not know.
    """
    checkout, key = workspace.checkout, workspace.parse_key
    if is_told(checkout, key, wanted):
        return
    directory = scratch / "selections"
    result = directory / "selected.json"
    parses.lend(workspace.parsed, directory / "target")
    order = {
        "parse": ["parse", "--quiet", "--no-write-json"],
        "selections": {each.key: each.options for each in wanted},
        "result": str(result),
    }
    ended = workspace.run(
        (json.dumps(order),),
        directory=directory,
        on_line=on_line,
        other=Program(workspace.installation.python, _PROGRAM),
        variables=flags.of_our_own(("ls",), workspace.variables, workspace.flags),
    )
    known = ended.code == 0 and result.is_file()
    text = result.read_text("utf-8") if known else json.dumps(dict.fromkeys(order["selections"]))
    checkout.selected.mkdir(parents=True, exist_ok=True)
    small_files.write_text(file_of(checkout, key, wanted), workspace.scrubber.text(text))
