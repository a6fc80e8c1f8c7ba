"""What comes with an acceptance never turns it into a doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from integration.conftest import Lab


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "\u00b2"}, id="a digit that is no number"),
        pytest.param({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" * 5000}, id="a number without end"),
        pytest.param({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, id="no number"),
    ],
)
def test_nothing_that_comes_with_an_acceptance_turns_it_into_a_doubt(lab: Lab, headers: dict[str, str]) -> None:
    lab.github.add_run("canonical/lab", 7)
    (number,) = lab.request(lab.github.link(7))
    headers = {"Content-Type": "application/json", **headers}
    lab.github.inject(Fault(method="POST", effect=True, status=201, headers=headers, body="{}"))
    outcome = lab.drain("github")[number]
    assert (outcome.state, lab.github.triggered(7), lab.observer.ids()) == ("triggered", 1, [])
    assert outcome.reason.startswith("accepted")
