"""What every processor promises, and may raise."""

from __future__ import annotations

import abc
import inspect
from contextlib import nullcontext
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Generic, ParamSpec, TypeVar, cast

from test_executions_rerunner.calls.calls import Calls
from test_executions_rerunner.calls.error_pages import server_words
from test_executions_rerunner.calls.failures import Failure, Kind, TriggerRefusedError, explain
from test_executions_rerunner.calls.waiting import Waiting
from test_executions_rerunner.rerun_request import RawRequest, RerunRequest
from test_executions_rerunner.text import without

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from contextlib import AbstractContextManager

    import requests

    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.models import Look, PostArguments, Served, Target

Arguments = ParamSpec("Arguments")
Returned = TypeVar("Returned")


class OnClassOrInstance(Generic[Arguments, Returned]):
    """A method that works on the class too, so that it can be tried without settings: it runs with the defaults."""

    def __init__(self, method: Callable[Concatenate[Any, Arguments], Returned]) -> None:
        self._method = method

    def __get__(
        self, instance: RequestProcessor | None, owner: type[RequestProcessor]
    ) -> Callable[Arguments, Returned]:
        """Bind to the instance, or to a new one without a credential; an abstract class cannot have one."""
        if instance is None and inspect.isabstract(owner):
            return cast("Callable[Arguments, Returned]", self._method)
        return MethodType(self._method, owner.with_defaults() if instance is None else instance)


class RequestProcessor(abc.ABC):
    """Turns rerun requests into triggers for one CI system, sends them, and looks at what they started.

    Attributes:
        calls: The calls to the CI system, with its clock and rate limit.
        secrets: Texts that must not be shown, whoever says them.
        resolves: Whether `resolved` reads anything.
        families: The only families that are served; None: any may be.
    """

    name: ClassVar[str]
    """How the command line calls it."""
    title: ClassVar[str]
    """How people call it."""
    address_setting: ClassVar[str]
    """Where a person sets which server is called."""
    links_setting: ClassVar[str] = ""
    """Where a person sets to which server links lead."""
    credential_setting: ClassVar[str]
    """Where a person sets who calls."""
    address: str
    """The server that is called."""

    def __init__(self, *, secrets: tuple[str, ...], waiting: Waiting | None) -> None:
        self.calls = Calls(waiting or Waiting(), self.explain, self.title)
        self.secrets = tuple(secret for secret in secrets if secret)
        self.resolves = False
        self.families: tuple[str, ...] | None = None
        self._drain: object = None

    @classmethod
    @abc.abstractmethod
    def with_defaults(cls) -> RequestProcessor:
        """Return an instance with the default settings and no credential."""

    @property
    def waiting(self) -> Waiting:
        """The waits of the drain."""
        return self.calls.waiting

    def begin_drain(self, drain: object) -> None:
        """Serve a drain; what servers asked to wait for, a signal, and what was triggered are kept for all of it.

        Raises:
            RuntimeError: Another one was served before.
        """
        if self._drain not in (None, drain):
            raise RuntimeError("a processor serves one drain: make a new one for the next")
        self._drain = drain

    @abc.abstractmethod
    def target(self, request: RerunRequest) -> Target:
        """Return the run or job that a request asks for.

        Raises:
            RequestProcessingError: This processor cannot serve it, whatever is in it. Nothing was sent.
        """

    @OnClassOrInstance
    def process(self, rerun_request: RawRequest) -> PostArguments:
        """Return the POST that starts again what a request asks for; nothing is sent.

        Args:
            rerun_request: One entry of the queue, at least ``{"ci_link": str, "family": str}``.

        Returns:
            ``{"url": str}``, for Jenkins also ``"json"``: the build parameters.

        Raises:
            RequestProcessingError: This processor cannot serve it, whatever is in it.
        """
        return self.target(RerunRequest.read(rerun_request, needs_id=False)).post_arguments

    @abc.abstractmethod
    def submit(self, post_arguments: PostArguments) -> Served:
        """Send one trigger, once, and never look.

        Args:
            post_arguments: As `process` returns it; its URL is checked again.

        Returns:
            What the server said, and the link of the rerun where it told one.

        Raises:
            RequestProcessingError: The URL is not one that `process` returns; nothing was sent.
            requests.exceptions.HTTPError: Not accepted; ``response`` has the true status, headers and body.
            requests.exceptions.RequestException: No answer at all.
        """

    def trigger(self, look: Look) -> Served:
        """Send the trigger of a look, as `submit` does."""
        return self.submit(look.post_arguments)

    def snapshot(self) -> object:
        """Read once what concerns all targets of a window, for `look`.

        Raises:
            CallError: It could not be read.
        """
        return None

    def resolved(self, target: Target) -> Target:
        """Return a target with what its trigger takes from the CI system; without I/O where nothing does.

        Requests are grouped anew by the key of what is returned.

        Raises:
            RequestProcessingError: It turns out that this processor cannot serve the target.
            CallError: What is needed could not be read.
        """
        return target

    @abc.abstractmethod
    def look(
        self,
        target: Target,
        asked_at: Mapping[RerunRequest, Moment | None],
        snapshot: Any,  # noqa: ANN401 - only its own processor knows what it is
        refused: Collection[str] = (),
    ) -> Look:
        """Find out what of a target was rerun since it was asked for.

        Args:
            target: The run or job.
            asked_at: Its requests, each with the moment at which it was made; None: not known.
            snapshot: What `snapshot` returned since; None: to be read now.
            refused: The URLs of narrow triggers that the server refused since this target was first looked at: the
                look's trigger is a wider one than each of them.

        Raises:
            CallError: It could not be looked at.
        """

    @abc.abstractmethod
    def changed(self, target: Target, look: Look) -> Served | None:
        """Look again after a doubtful trigger: has ours been started since that look?

        Raises:
            CallError: It could not be looked at.
        """

    def rerun_link(self, target: Target, look: Look) -> str | None:
        """Return the link of what the trigger of a look starts, where it is known beforehand."""
        del target, look
        return None

    def lasting_link(self, link: str, target: Target) -> str:
        """Return the page that tells of a rerun for good, given that of an outcome."""
        del target
        return link

    def cannot_join(self, request: RerunRequest, sent: PostArguments) -> str | None:
        """Return why a request is not served by a trigger of its target that was sent before it came."""
        del request, sent
        return None

    def turn(self) -> AbstractContextManager[None]:
        """Wait until the CI system's own pace allows another trigger, and hold that turn for this thread."""
        return nullcontext()

    def explain(self, error: BaseException) -> Failure:
        """Understand what a call raised; what follows from it stands in `policy`."""
        return explain(error)

    def not_looked_at(self, failure: Failure) -> str:
        """Say that a look failed for good: why, where, and what a person can do about it."""
        advice = self.advice(failure)
        return f"could not be looked at: {failure.reason}{f'; {advice}' if advice else ''}"

    def advice(self, failure: Failure) -> str | None:
        """Return what a person can do about a call that failed; None: its reason is all that is known."""
        if failure.advice is None and failure.kind in {Kind.UNAUTHORIZED, Kind.FORBIDDEN}:
            return f"check {self.credential_setting} for {self.address}"
        if failure.advice is None and failure.kind in {Kind.NOT_SENT, Kind.BROKEN}:
            return f"check {self.address_setting} ({self.address}) and the network"
        return failure.advice

    def words(self, response: requests.Response) -> str:
        """Return what the server said, harmless and without our own secrets."""
        return without(self.secrets, server_words(response))

    def refused(self, what: str, response: requests.Response) -> TriggerRefusedError:
        """Return the error for a trigger that was not accepted."""
        text = f"POST {what}: {response.status_code} {self.words(response)}".rstrip()
        return TriggerRefusedError(text, response=response)
