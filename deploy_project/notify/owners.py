"""The owners of a project's nodes, and the part of a run that concerns each; pure (NOT-6).

The owner of a dbt group has its models, seeds and snapshots, and their tests; a source has
`meta.owner`. https://docs.getdbt.com/docs/deploy/model-notifications
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, cast

from deploy_project.config.values.mail_addresses import mail_address
from deploy_project.config.values.notifications import OwnerRule
from deploy_project.dbt.artifacts import node_names
from deploy_project.runs.model.run_facts import RunFacts

Result = Literal["failure", "warning", "success"]
_RESULTS: Mapping[str, Result] = {
    "error": "failure",
    "fail": "failure",
    "runtime error": "failure",
    "warn": "warning",
    "success": "success",
    "pass": "success",
}
_TESTS = ("test", "unit_test", "source")
"""Sources have results by their freshness alone."""
_MOST_OWNERS = 20
"""So many owners of one node are told."""


class Owners:
    """The addresses of the owners of the nodes and sources in a manifest."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._entries: dict[str, Mapping[str, Any]] = {
            unique_id: entry
            for section in ("nodes", "sources", "unit_tests")
            for unique_id, entry in _mapping(manifest.get(section)).items()
        }
        groups = [_mapping(each) for each in _mapping(manifest.get("groups")).values()]
        self._groups = {
            (each.get("package_name"), each.get("name")): tuple(
                _addresses(_mapping(each.get("owner")).get("email"))
            )
            for each in groups
        }

    def of(self, unique_id: str) -> tuple[str, ...]:
        """Return the owners of a node; a test has those of its group, or of all that it tests."""
        entry = _mapping(self._entries.get(unique_id))
        own = self._own(entry)
        if own or node_names.kind(unique_id) not in _TESTS[:2]:
            return own
        tested = [entry.get("attached_node")] if entry.get("attached_node") else _parents(entry)
        found = (self._own(_mapping(self._entries.get(str(each)))) for each in tested)
        return tuple(dict.fromkeys(address for own in found for address in own))[:_MOST_OWNERS]

    def _own(self, entry: Mapping[str, Any]) -> tuple[str, ...]:
        config = _mapping(entry.get("config"))
        group = entry.get("group") or config.get("group")
        if isinstance(group, str):
            return self._groups.get((entry.get("package_name"), group), ())[:_MOST_OWNERS]
        if entry.get("resource_type") != "source":
            return ()
        meta = {**_mapping(entry.get("source_meta")), **_mapping(config.get("meta"))}
        meta |= _mapping(entry.get("meta"))
        return tuple(_addresses(meta.get("owner")))[:_MOST_OWNERS]


@dataclass(frozen=True)
class Part:
    """The part of a run that is told to one owner."""

    facts: RunFacts
    """Those of the run, with the owner's nodes, failures and sources alone."""
    results: Mapping[str, Result]
    """The last result of each."""

    @property
    def result(self) -> Result:
        """The worst of the results."""
        found = set(self.results.values())
        return "failure" if "failure" in found else "warning" if "warning" in found else "success"

    @property
    def wrong(self) -> frozenset[str]:
        """The nodes and sources that have failed or warned."""
        return frozenset(each for each, result in self.results.items() if result != "success")

    @property
    def count(self) -> int:
        """The number of nodes and sources with the worst result."""
        return sum(each == self.result for each in self.results.values())


def parts(facts: RunFacts, rule: OwnerRule, owners: Owners) -> dict[str, Part]:
    """Return the part of a run that `rule` tells to each owner; none has an empty one."""
    told = [each for each in _results(facts) if _tells(rule, *each)]
    by_owner: dict[str, dict[str, Result]] = {}
    for unique_id, result in told:
        for address in owners.of(unique_id):
            by_owner.setdefault(address, {})[unique_id] = result
    return {address: _part(facts, results) for address, results in by_owner.items()}


def is_news(rule: OwnerRule, now: Part, before: Part | None, *, at: datetime) -> bool:
    """Whether a part is told, when `before` was the owner's part of the run before.

    `at` is the end of that run.
    """
    if now.result == "success" or rule.repeat == "always" or before is None:
        return True
    if now.wrong != before.wrong or now.result != before.result:
        return True
    return rule.repeat == "daily" and now.facts.finished_at.date() != at.date()


def has_new_failures(rule: OwnerRule, now: Part, before: Part | None) -> bool:
    """Whether a run in progress has failures of an owner's that the run before did not have."""
    return rule.repeat == "always" or before is None or not now.wrong <= before.wrong


def _results(facts: RunFacts) -> Iterator[tuple[str, Result]]:
    """Yield each node and source with its last result; a skipped one has none."""
    last = {each.unique_id: each.status for each in facts.nodes}
    last |= {each.unique_id: "error" for each in facts.failures if each.unique_id}
    last |= {each.unique_id: each.status for each in facts.freshness}
    for unique_id, status in last.items():
        if status in _RESULTS:
            yield unique_id, _RESULTS[status]


def _tells(rule: OwnerRule, unique_id: str, result: Result) -> bool:
    is_test = node_names.kind(unique_id) in _TESTS
    return result in (rule.tests if is_test else rule.models)


def _part(facts: RunFacts, results: Mapping[str, Result]) -> Part:
    return Part(
        replace(
            facts,
            nodes=tuple(each for each in facts.nodes if each.unique_id in results),
            failures=tuple(each for each in facts.failures if each.unique_id in results),
            freshness=tuple(each for each in facts.freshness if each.unique_id in results),
            failed_steps=(),
            deactivated="",
        ),
        results,
    )


def _addresses(value: object) -> Iterator[str]:
    """Yield the addresses in a text or list of a project's; names are none."""
    written = cast(list[object], value) if isinstance(value, list) else [value]
    for each in written:
        address = mail_address(each.strip()) if isinstance(each, str) else None
        if address is not None:
            yield address


def _parents(entry: Mapping[str, Any]) -> list[object]:
    found: object = _mapping(entry.get("depends_on")).get("nodes")
    return cast(list[object], found) if isinstance(found, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}
