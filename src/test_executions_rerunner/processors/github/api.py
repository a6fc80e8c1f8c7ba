"""The API of one GitHub server: the calls to it, and the URLs below it and on the server's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from test_executions_rerunner.calls.once import Once
from test_executions_rerunner.errors import SettingsError
from test_executions_rerunner.processors.github.refusals import until_reset_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from test_executions_rerunner.calls.answers import Answer
    from test_executions_rerunner.calls.calls import Calls
    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.calls.failures import CallError
    from test_executions_rerunner.links import Origin
    from test_executions_rerunner.models import PostArguments
    from test_executions_rerunner.processors.github.client import GithubClient
    from test_executions_rerunner.processors.github.links import RunLink
    from test_executions_rerunner.processors.github.shapes import JsonObject

Parsed = TypeVar("Parsed")
WHOLE_SECONDS = 1.0
"""GitHub tells its times in whole seconds, and leaves out the rest."""


class GithubApi:
    """The API of one GitHub server.

    Args:
        server: The server that links lead to.
        address: Where its API is.
        token: A token of any kind.
        calls: The calls to the API, with its clock and rate limit.
    """

    def __init__(self, server: Origin, address: Origin, token: str, calls: Calls) -> None:
        self.server, self.address, self.calls = server, address, calls
        self._token = token
        self._one_client = Once(self._connect)

    @property
    def _client(self) -> GithubClient:
        """The one client of all threads."""
        return self._one_client()

    def _connect(self) -> GithubClient:
        """Make the client for the first call: importing PyGithub takes as long as importing everything else."""
        self.check_token()
        from test_executions_rerunner.processors.github.client import GithubClient  # noqa: PLC0415 - imports PyGithub

        return GithubClient(str(self.address), self._token, self.calls.waiting)

    def check_token(self) -> None:
        """Make sure that there is a token.

        Raises:
            SettingsError: There is none, and GitHub starts nothing for nobody.
        """
        if not self._token:
            raise SettingsError("github_token: missing; set GH_TOKEN or GITHUB_TOKEN, or give GithubProcessor a token")

    def read(self, path: str, parse: Callable[[JsonObject], Parsed], *, repeats: bool = True) -> Parsed:
        """GET a JSON object.

        Args:
            path: The path below the API.
            parse: Turns the object into what is returned; raises an exception of requests if its shape is wrong.
            repeats: Whether a call that fails is repeated.

        Raises:
            CallError: It could not be read.
        """

        def call() -> Parsed:
            told, response = self._client.read(path, self.calls.clock)
            self.note_quota(response)
            return parse(told)

        return self.calls.repeated(call) if repeats else self.calls.once(call)

    def read_with_cursor(self, path: str, parse: Callable[[JsonObject], Parsed]) -> tuple[Parsed, str | None]:
        """GET one page of a list, once; return it and the cursor of the next one, as it goes into a query.

        Raises:
            CallError: It could not be read.
        """

        def call() -> tuple[Parsed, str | None]:
            told, response = self._client.read(path, self.calls.clock)
            self.note_quota(response)
            following = urlsplit(response.links.get("next", {}).get("url", ""))
            cursor = parse_qs(following.query).get("after", [""])[0]
            return parse(told), quote(cursor, safe="") or None

        return self.calls.once(call)

    def later(self, seconds: float, asked_at: Moment) -> bool:
        """Tell whether a moment that GitHub tells is surely later than another one.

        Raises:
            CallError: The clocks cannot be compared, so that nobody knows.
        """
        return self.calls.later(seconds, asked_at, within=WHOLE_SECONDS)

    def send(self, path: str) -> Answer:
        """POST once, without a body.

        Args:
            path: The path below the API.

        Returns:
            The answer, whatever its status.

        Raises:
            requests.exceptions.RequestException: There was no answer.
        """
        return self._client.send("POST", path, self.calls.clock)

    @staticmethod
    def status_of(error: CallError) -> int | None:
        """Return the status of the answer that a call failed with; None: there was none."""
        response = getattr(error.__cause__, "response", None)
        return None if response is None else response.status_code

    def note_quota(self, response: requests.Response) -> None:
        """Make no further call once an answer says that it was the last one allowed in this hour."""
        if response.ok and response.headers.get("x-ratelimit-remaining") == "0":
            self.calls.throttle.announce(until_reset_seconds(response), "the rate limit is used up")

    def has_token_like(self, beginning: str) -> bool:
        """Tell whether the token begins like this, as all tokens of one kind do."""
        return self._token.startswith(beginning)

    def post(self, link: RunLink, *, failed_jobs: bool = False) -> PostArguments:
        """Return the trigger of a run, or of its failed jobs only."""
        return {"url": f"{self.address}{link.path}/{'rerun-failed-jobs' if failed_jobs else 'rerun'}"}

    def post_of_job(self, link: RunLink, number: int) -> PostArguments:
        """Return the trigger of a single job of a run, given its id in the newest attempt."""
        return {"url": f"{self.address}{link.repository_path}/actions/jobs/{number}/rerun"}

    def page(self, link: RunLink, attempt: int | None = None) -> str:
        """Return the URL of a run's page, or of the page of one attempt."""
        page = f"{self.server}/{link.repository_name}/actions/runs/{link.run}"
        return page if attempt is None else f"{page}/attempts/{attempt}"
