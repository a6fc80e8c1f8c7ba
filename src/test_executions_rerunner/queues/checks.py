"""``--check``: what a drain needs of Test Observer, tried without changing anything."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from test_executions_rerunner.errors import TestObserverError, TestObserverRefusedError
from test_executions_rerunner.models import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from test_executions_rerunner.models import Reading
    from test_executions_rerunner.rerun_request import RerunRequest

_Check = partial(Check, is_of_queue=True)


class Observer(Protocol):
    """What is tried of a `TestObserverInterface`."""

    url: str
    secrets: tuple[str, ...]

    def window(self, limit: int) -> Reading:
        """Read the first requests of the queue."""

    def ask_whether_delete_is_allowed(self, *, bulk: bool = False) -> None:
        """Find out whether the key may delete."""

    def owner_of_key(self) -> dict[str, Any] | None:
        """Return whose key it is."""


def observer_checks(observer: Observer, requests: list[RerunRequest], most: int, *, announce: bool) -> Iterator[Check]:
    """Try each permission of the key.

    Args:
        observer: The Test Observer.
        requests: What is read is added, where nothing is there yet.
        most: How many requests are read.
        announce: Whether the requesters are to be told, which needs a permission of its own.
    """
    is_file = bool(requests)
    try:
        found = observer.window(1 if is_file else most).requests
    except TestObserverError as error:
        yield _Check("Test Observer: view_rerun", ok=False, message=error.what, fix=error.advice)
    else:
        read = "" if is_file else f", {len(found)} request{'' if len(found) == 1 else 's'} read"
        yield _Check("Test Observer: view_rerun", ok=True, message=f"{observer.url} answers{read}")
        requests += () if is_file else found
    yield _deleting(observer)
    yield _deleting_in_bulk(observer)
    yield from _key(observer, announce=announce)


def _deleting(queue: Observer) -> Check:
    name = "Test Observer: change_rerun"
    try:
        queue.ask_whether_delete_is_allowed()
    except TestObserverError as error:
        return _Check(name, ok=False, message=error.what, fix=error.advice)
    return _Check(name, ok=True, message="deleting is allowed")


def _deleting_in_bulk(queue: Observer) -> Check:
    name = "Test Observer: change_rerun_bulk"
    try:
        queue.ask_whether_delete_is_allowed(bulk=True)
    except TestObserverRefusedError:
        return _Check(name, ok=True, message="not granted, and not needed")
    except TestObserverError as error:
        return _Check(name, ok=None, message=error.what, fix=error.advice)
    return _Check(name, ok=True, message="granted")


def _key(queue: Observer, *, announce: bool) -> Iterator[Check]:
    if not queue.secrets:
        yield _Check(
            "Test Observer: key", ok=None, message="no key is sent", fix="set TEST_OBSERVER_API_KEY if it needs one"
        )
        return
    try:
        owner = queue.owner_of_key()
    except TestObserverError as error:
        message = f"whose it is cannot be told: {error.what}"
        yield _Check("Test Observer: key", ok=None, message=message, fix=error.advice)
        return
    if owner is None:
        message = "the server does not know this key"
        yield _Check("Test Observer: key", ok=None, message=message, fix="check TEST_OBSERVER_API_KEY")
    else:
        granted = ", ".join(owner["permissions"]) or "none"
        yield _Check("Test Observer: key", ok=True, message=f"of application {owner['name']!r}; permissions: {granted}")
        if announce:
            yield _announcing("change_test" in owner["permissions"])


def _announcing(is_granted: bool) -> Check:  # noqa: FBT001 - the answer of the server
    name = "Test Observer: change_test"
    if is_granted:
        return _Check(name, ok=True, message="requesters can be told")
    message = "not granted, so that requesters could not be told; reruns are started all the same"
    return _Check(name, ok=None, message=message, fix="give the key change_test, or leave --announce out")
