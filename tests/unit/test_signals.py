"""The first signal counts, however many come."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.cli.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Give signals back to whoever handled them."""
    handlers = [signal.getsignal(number) for number in NUMBERS]
    yield
    for number, handler in zip(NUMBERS, handlers, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        pytest.param(signal.SIGINT, signal.SIGTERM, 130, id="SIGINT"),
        pytest.param(signal.SIGTERM, signal.SIGINT, 143, id="SIGTERM"),
    ],
)
def test_the_first_signal_counts(first: signal.Signals, second: signal.Signals, code: int) -> None:
    signals = Signals()

    signal.raise_signal(first)
    signal.raise_signal(second)

    assert signals.name == first.name
    assert signals.exit_code == code


def test_a_terminal_that_goes_away_is_no_signal() -> None:
    signals = Signals()

    signal.raise_signal(signal.SIGHUP)

    assert signals.received is None
