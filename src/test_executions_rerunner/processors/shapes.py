"""What answers must look like to be read at all."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests

from test_executions_rerunner.calls.memory import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def shape_of(what: str, server: str) -> Iterator[None]:
    """Read an answer in the block; whatever it lacks becomes the error for an answer that cannot be read.

    Args:
        what: The answer, for people.
        server: Who gives it, for people.

    Raises:
        requests.exceptions.InvalidJSONError: The answer has another shape.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        text = f"200, but {what} has another shape than {server} gives it"
        raise requests.exceptions.InvalidJSONError(text) from error


def read_object(response: requests.Response, hint: str = "") -> dict[str, Any]:
    """Return the JSON object of an answer.

    Args:
        response: The answer.
        hint: What an answer that is no JSON may be, for people.

    Raises:
        requests.exceptions.HTTPError: The status is not 200.
        requests.exceptions.InvalidJSONError: The answer is no JSON object.
    """
    if response.status_code != requests.codes.ok:
        raise requests.exceptions.HTTPError(response=response)
    try:
        told = read_json(response.content)
    except (ValueError, RecursionError) as error:
        raise requests.exceptions.InvalidJSONError(f"200, but the answer is no JSON{hint}: {error}") from error
    if not isinstance(told, dict):
        raise requests.exceptions.InvalidJSONError("200, but the answer is no JSON object")
    return told
