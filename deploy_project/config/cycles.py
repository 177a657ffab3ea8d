"""Jobs that would start each other forever; pure."""

from collections.abc import Iterator, Mapping


def cycles(parents: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Yield each ring of jobs, once, in the order in which they start each other.

    `parents` maps a job to the one whose end starts it.
    """
    settled: set[str] = set()
    for job in sorted(parents):
        path: list[str] = []
        at: str | None = job
        while at is not None and at not in settled and at not in path:
            path.append(at)
            at = parents.get(at)
        if at is not None and at in path:
            yield tuple(reversed(path[path.index(at) :]))
        settled.update(path)
