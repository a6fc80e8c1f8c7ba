"""A third CI system needs a processor, its `setup`, and a line in the registry: nothing else knows which there are."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from test_executions_rerunner import RequestProcessingError
from test_executions_rerunner.cli import main as program
from test_executions_rerunner.models import Check, Look, PostArguments, Served, Target
from test_executions_rerunner.processors import REGISTRY, Given
from test_executions_rerunner.processors.base import RequestProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from integration.conftest import Lab
    from test_executions_rerunner.calls.clocks import Moment
    from test_executions_rerunner.rerun_request import RerunRequest

LINK = "toy://machine/"


class ToyProcessor(RequestProcessor):
    """Starts machines whose links begin with ``toy://``.

    Attributes:
        started: What was started, in order.
    """

    name, title = "toy", "Toy"
    address = "toy://machine"
    address_setting = links_setting = "TOY_URL"
    credential_setting = "TOY_TOKEN"

    def __init__(self) -> None:
        super().__init__(secrets=(), waiting=None)
        self.started: list[str] = []

    @classmethod
    def with_defaults(cls) -> ToyProcessor:
        """Return an instance."""
        return cls()

    def target(self, request: RerunRequest) -> Target:
        """Return the machine that a link names."""
        link = str(request.ci_link)
        if not link.startswith(LINK):
            raise RequestProcessingError(f"ci_link {link} is no toy")
        return Target(link, link.removeprefix(LINK), {"url": link})

    def submit(self, post_arguments: PostArguments) -> Served:
        """Start a machine."""
        self.started.append(post_arguments["url"])
        return Served("accepted", "https://toy.example/")

    def look(
        self,
        target: Target,
        asked_at: Mapping[RerunRequest, Moment | None],
        snapshot: object,
        refused: Collection[str] = (),
    ) -> Look:
        """Find that nothing was started."""
        del asked_at, snapshot, refused
        return Look(target.post_arguments)

    def changed(self, target: Target, look: Look) -> Served | None:
        """Find nothing."""
        del target, look
        return None


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> ToyProcessor:
    """A third CI system, registered."""
    processor = ToyProcessor()

    def problems(given: Given) -> Iterator[str]:
        if given.values["limit"] == 13:
            yield "--limit: 13 is not allowed by a toy"

    def check(targets: Iterable[Target]) -> Iterator[Check]:
        yield Check("Toy", ok=True, message=f"would start {len([*targets])} machine")

    def make(given: Given) -> tuple[RequestProcessor, Callable[[Iterable[Target]], Iterator[Check]]]:
        assert given.values["processor"] == "toy"
        return processor, check

    setup = ModuleType("toy_setup")
    vars(setup).update(problems=problems, make=make)
    monkeypatch.setitem(sys.modules, "toy_setup", setup)
    monkeypatch.setitem(REGISTRY, "toy", "toy_setup")
    return processor


def run(lab: Lab, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the program for the toy."""
    for name, value in lab.environment().items():
        monkeypatch.setenv(name, value)
    return program.main(["toy", *arguments])


def test_the_program_drains_with_a_system_that_only_the_registry_knows(
    lab: Lab, toy: ToyProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.request(f"{LINK}rpi4", 2)
    (other,) = lab.request("https://ci.example.org/job/other/1/")
    assert run(lab, monkeypatch) == 0
    assert toy.started == [f"{LINK}rpi4"]
    assert lab.observer.ids() == [other]


def test_its_settings_and_its_checks_are_its_own(
    lab: Lab, toy: ToyProcessor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.request(f"{LINK}rpi4")
    assert run(lab, monkeypatch, "--limit", "13") == 2
    assert "13 is not allowed by a toy" in capsys.readouterr().err
    assert run(lab, monkeypatch, "--check") == 0
    assert "would start 1 machine" in capsys.readouterr().out
    assert toy.started == []


@pytest.mark.usefixtures("toy")
def test_it_is_named_where_systems_are_named(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(lab, monkeypatch, "--help")
    assert "[jenkins|github|toy]" in capsys.readouterr().out


def test_without_its_line_it_is_no_system(lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:  # noqa: ANN401 - pytest's
    assert run(lab, monkeypatch) == 2
    assert "jenkins, github" in capsys.readouterr().err
