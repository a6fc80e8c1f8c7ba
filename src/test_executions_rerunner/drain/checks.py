"""``--check``: what a drain needs, tried without changing anything."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from test_executions_rerunner.calls.clocks import MOST_APART_SECONDS, spelled
from test_executions_rerunner.drain.causes import advice, causes
from test_executions_rerunner.drain.selection import EVERYTHING
from test_executions_rerunner.errors import RequestProcessingError
from test_executions_rerunner.models import Check
from test_executions_rerunner.queues.base import MOST_CHECKED
from test_executions_rerunner.text import Mask, clean

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from test_executions_rerunner.drain.selection import Selection
    from test_executions_rerunner.models import Target
    from test_executions_rerunner.processors.base import RequestProcessor
    from test_executions_rerunner.queues.base import RequestQueue
    from test_executions_rerunner.rerun_request import RerunRequest

TargetChecks: TypeAlias = "Callable[[Iterable[Target]], Iterator[Check]]"
_MOST_CAUSES = 6
_LARGE_DIFFERENCE_SECONDS = 60.0
_SMALL_DIFFERENCE_SECONDS = 3.0
"""What the answers leave open anyway."""
_NTP = "have both servers, and the proxies before them, use NTP"


def run_checks(
    processor: RequestProcessor,
    check_targets: TargetChecks,
    queue: RequestQueue,
    *,
    announce: bool = False,
    selection: Selection = EVERYTHING,
) -> Iterator[Check]:
    """Try each credential and permission that a drain needs; nothing is changed.

    Args:
        processor: The CI system.
        check_targets: Tries what a drain of some targets needs of it.
        queue: Where the requests come from.
        announce: Whether the requesters are to be told, which needs a permission of its own.
        selection: Which requests a drain would serve.
    """
    mask = Mask((*processor.secrets, *queue.secrets))

    def check_served(requests: list[RerunRequest]) -> Iterator[Check]:
        targets, left = _sorted(processor, requests, selection)
        if requests:
            yield _pointing_here(processor, requests, left)
        yield from check_targets(targets)

    for check in _all_checks(processor, check_served, queue, announce=announce):
        yield replace(check, name=clean(check.name, mask), message=clean(check.message, mask))


def _all_checks(
    processor: RequestProcessor,
    check_served: Callable[[list[RerunRequest]], Iterator[Check]],
    queue: RequestQueue,
    *,
    announce: bool,
) -> Iterator[Check]:
    requests: list[RerunRequest] = []
    yield from queue.checks(requests, announce=announce)
    yield from check_served(requests)
    if queue.has_ids:
        yield _clocks(processor, queue)


def _sorted(
    processor: RequestProcessor, requests: Iterable[RerunRequest], selection: Selection
) -> tuple[list[Target], list[tuple[RerunRequest, str]]]:
    """Return the targets of the queue that the processor serves, each once, and why the other requests are not."""
    targets: dict[Hashable, Target] = {}
    left: list[tuple[RerunRequest, str]] = []
    for request in requests:
        target = _target(processor, request, selection)
        if isinstance(target, str):
            left.append((request, target))
        else:
            targets.setdefault(target.key, target)
    return list(targets.values()), left


def _target(processor: RequestProcessor, request: RerunRequest, selection: Selection) -> Target | str:
    """Return a request's target, or why a drain would not serve it."""
    try:
        selection.check(request)
        return processor.target(request)
    except RequestProcessingError as error:
        return str(error)


def _pointing_here(
    processor: RequestProcessor, requests: list[RerunRequest], left: list[tuple[RerunRequest, str]]
) -> Check:
    """Say how many of the queued requests a drain would serve, and why not the others."""
    name, here = "queue", len(requests) - len(left)
    more = " that were read; more may be queued" if len(requests) >= MOST_CHECKED else ""
    causes_left = causes(left)
    told = [f"{here} of {len(requests)} requests point here{more}"]
    told += [f"{count}: {cause}" for count, cause in causes_left[:_MOST_CAUSES]]
    told += [f"and {len(causes_left) - _MOST_CAUSES} more causes"] if len(causes_left) > _MOST_CAUSES else []
    fix = None if here else advice(causes_left, processor.links_setting)
    return Check(name, ok=True if here else None, message="; ".join(told), fix=fix)


def _clocks(processor: RequestProcessor, queue: RequestQueue) -> Check:
    ours, theirs = processor.calls.clock, queue.clock
    if not (ours.is_known and theirs.is_known):
        return Check("clocks", ok=None, message="not both servers told their time")
    apart = ours.ahead - theirs.ahead
    message = f"that of {ours.name} is {spelled(abs(apart))} {'ahead of' if apart >= 0 else 'behind'} {theirs.name}'s"
    if abs(apart) < _SMALL_DIFFERENCE_SECONDS:
        message = f"those of {ours.name} and {theirs.name} agree"
    doubt = ours.doubt or theirs.doubt
    if doubt or abs(apart) > MOST_APART_SECONDS:
        message = doubt or f"{message}: too far to be believed, so nothing would be started"
        return Check("clocks", ok=False, message=message, fix=_NTP)
    if abs(apart) < _LARGE_DIFFERENCE_SECONDS:
        return Check("clocks", ok=True, message=message)
    return Check("clocks", ok=None, message=f"{message}; it is corrected for", fix=_NTP)
