"""One look at a run: what of it has been rerun since it was asked for, and which trigger would serve the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from test_executions_rerunner.calls.once import Once
from test_executions_rerunner.models import Look, Served, State, Verdict
from test_executions_rerunner.processors.github.looks.bounds import too_often, too_old
from test_executions_rerunner.processors.github.looks.served import Asked, Reruns
from test_executions_rerunner.processors.github.runs import current_run, still_going
from test_executions_rerunner.processors.github.trigger import Before, RunTrigger
from test_executions_rerunner.processors.github.way_out import way_out

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from test_executions_rerunner.processors.github.api import GithubApi
    from test_executions_rerunner.processors.github.links import RunLink
    from test_executions_rerunner.processors.github.looks.capacity import Capacities
    from test_executions_rerunner.processors.github.runs import KnownJobs
    from test_executions_rerunner.rerun_request import RerunRequest


@dataclass(frozen=True)
class Rules:
    """What is started again, and how often at most."""

    rerun: str
    """``run``, ``failed-jobs`` or ``job``."""
    max_attempts: int
    """Most attempts of one run."""
    max_per_day: int | None
    """Most attempts of one run in 24 hours; None: no limit."""


class Shared(NamedTuple):
    """What looks share."""

    capacities: Capacities
    """The capacity that the server has for triggers."""
    jobs: KnownJobs
    """What does not change any more."""


class RunLook:
    """What one look reads of a run; everything is read only once, and only if it matters.

    The run itself comes first: if it says that nothing is to be started, no other call is made.

    Args:
        api: The server's API.
        rules: What may be started.
        shared: What it shares with other looks.
        link: The run.

    Attributes:
        job_ids: Set by `look` if its trigger starts a single job: the ids of that job in all attempts.

    Raises:
        CallError: The run could not be read.
    """

    def __init__(self, api: GithubApi, rules: Rules, shared: Shared, link: RunLink) -> None:
        self._api, self._rules, self._link = api, rules, link
        self._capacities, known_jobs = shared
        self._run = current_run(api, link)
        self.job_ids: frozenset[int] | None = None
        # no cached_property: until Python 3.12 the looks at all runs would wait for each other
        self._jobs = Once(lambda: known_jobs.of(link, self._run))
        self._reruns = Once(
            lambda: Reruns(self._run, self._jobs(), api.later, failed_jobs=rules.rerun == "failed-jobs")
        )

    def look(self, requests: Mapping[RerunRequest, Asked], refused: Collection[str]) -> Look:
        """Return what was found for these requests; the trigger is wider than all that was refused.

        Raises:
            CallError: Something could not be read.
        """
        served = {request: found for request, asked in requests.items() if (found := self._served(asked))}
        left = {request: asked for request, asked in requests.items() if request not in served}
        misses = {request: count for request, asked in left.items() if (count := self._misses(asked))}
        before = Before(self._run.attempt, tuple(asked.job for asked in left.values()))
        look = Look(
            self._api.post(self._link),
            served,
            self._verdict() if left else None,
            before=before,
            way_out=way_out(self._run.told, self._link, self._api.server),
            misses=misses,
        )
        if look.verdict or not left:
            return look
        return self._with_trigger(look, refused)

    def _may_have_rerun(self, asked: Asked) -> bool:
        """Tell whether an attempt began after a request was made; no earlier one did if the newest did not."""
        if asked.at is None or self._run.attempt <= asked.attempt:
            return False
        return self._api.later(self._run.started, asked.at)

    def _served(self, asked: Asked) -> Served | None:
        attempt = self._reruns().served_by(asked) if self._may_have_rerun(asked) else None
        if attempt is None:
            return None
        return Served(f"attempt {attempt} started since the request", self._api.page(self._link, attempt))

    def _misses(self, asked: Asked) -> int:
        return self._reruns().misses(asked) if self._may_have_rerun(asked) else 0

    def _verdict(self) -> Verdict | None:
        """Return why the run must not be started now, as far as the run itself says so."""
        rules, run = self._rules, self._run
        if not run.is_completed:
            return still_going(self._api, run)
        if verdict := too_old(self._api, run):
            return verdict
        if run.attempt >= rules.max_attempts:
            return Verdict(State.REFUSED, f"attempts used up: {run.attempt} of {rules.max_attempts}")
        if rules.max_per_day is None:
            return None
        return too_often(self._api, rules.max_per_day, run, self._jobs)

    def _with_trigger(self, look: Look, refused: Collection[str]) -> Look:
        """Return a look with the trigger for the requests that are left, and with what that takes."""
        trigger = RunTrigger.narrowest(self._rules.rerun, look.before, self._jobs, refused)
        self.job_ids = trigger.job_ids
        capacity = self._capacities.capacity(self._link)
        return replace(
            look,
            post_arguments=trigger.post_arguments(self._api, self._link),
            verdict=capacity.verdict,
            notes=capacity.notes,
            claims=capacity.claims,
            since=self._run.read_at if capacity.since is None else min(capacity.since, self._run.read_at),
            is_narrow=trigger.is_narrow,
        )
