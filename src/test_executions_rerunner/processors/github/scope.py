"""Which runs are served: those that a server's links name, in the repositories that were chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_executions_rerunner.calls.failures import CallError, Failure, Kind
from test_executions_rerunner.errors import RequestProcessingError
from test_executions_rerunner.links import ends_with_a_name
from test_executions_rerunner.processors.github.links import read_run_link, read_trigger
from test_executions_rerunner.processors.github.patterns import Patterns
from test_executions_rerunner.text import shown

if TYPE_CHECKING:
    from test_executions_rerunner.links import Origin
    from test_executions_rerunner.models import PostArguments, Target
    from test_executions_rerunner.processors.github.links import RunLink, Trigger
    from test_executions_rerunner.rerun_request import RerunRequest


class Scope:
    """What is served of one GitHub server; anything else is refused before a call is made.

    Args:
        server: The server that links must lead to.
        address: The API that triggers must be sent to.
        patterns: The repositories served, as `read_patterns` returns them.
    """

    def __init__(self, server: Origin, address: Origin, patterns: tuple[str, ...]) -> None:
        self._server, self._address, self._patterns = server, address, Patterns(patterns)

    def link_of(self, request: RerunRequest) -> RunLink:
        """Return what a request's link says.

        Raises:
            RequestProcessingError: It is not a link to a run that is served.
        """
        link = request.ci_link
        if not isinstance(link, str) or not link:
            raise RequestProcessingError(f"ci_link {shown(link)} is no link to a GitHub Actions run")
        try:
            found = read_run_link(self._server.names_below(link))
        except ValueError as error:
            raise RequestProcessingError(f"ci_link {shown(link)} is not served: {error}") from error
        if not found:
            raise RequestProcessingError(
                f"ci_link {shown(link)} is no link to a run below {self._server}: "
                "/OWNER/REPO/actions/runs/ID is served, also with /attempts/N and /job/ID"
            )
        self._check_repository(found.repository_name)
        return found

    def job_of(self, request: RerunRequest) -> int | None:
        """Return the job that a request's link names; a request that is known only by its POST has no link."""
        return None if request.ci_link is None else self.link_of(request).job

    def trigger_of(self, post_arguments: PostArguments) -> Trigger:
        """Return what a POST starts.

        Raises:
            RequestProcessingError: Its URL is not one that `process` or a look returns.
        """
        url = post_arguments.get("url")
        try:
            trigger = read_trigger(self._address.names_below(url)) if ends_with_a_name(url) else None
        except ValueError as error:
            raise RequestProcessingError(f"url {shown(url)} is not served: {error}") from error
        if not trigger:
            raise RequestProcessingError(
                f"url {shown(url)} is not served: {self._address}/repos/OWNER/REPO/actions/runs/ID/rerun is allowed"
            )
        self._check_repository(trigger.repository_name)
        return trigger

    def run_of(self, target: Target) -> RunLink:
        """Return the run of a target.

        Raises:
            CallError: Its trigger starts a single job, as only a look's trigger does, so that its run is not known.
        """
        run = self.trigger_of(target.post_arguments).run
        if not run:
            raise CallError(Failure(Kind.REJECTED, "the trigger of a single job does not say which run to look at"))
        return run

    def _check_repository(self, repository_name: str) -> None:
        if problem := self._patterns.problem(repository_name):
            raise RequestProcessingError(problem)
