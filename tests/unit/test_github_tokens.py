"""How a token is sent to GitHub, what hides it, and what happens without one."""

from __future__ import annotations

import base64
import html
import json
import urllib.parse
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner import GithubProcessor, Rerunner, SettingsError
from test_executions_rerunner.calls.failures import TriggerRefusedError
from test_executions_rerunner.demo import Fault, GithubServer
from test_executions_rerunner.demo.github.server import APP_TOKEN
from test_executions_rerunner.processors.github.checks import github_checks
from test_executions_rerunner.text import MOST_CHARACTERS, Mask, clean, harmless, without
from waits import ShortWaiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "canonical/lab"
LEAST = 8
"""Characters of a token in a row that tell something; the first ones are those of every token of the kind."""


@pytest.fixture
def server() -> Iterator[GithubServer]:
    with GithubServer(APP_TOKEN) as github:
        github.add_run(NAME, 7, concurrency_group="lab")
        yield github


def processor_of(server: GithubServer, token: str = APP_TOKEN) -> GithubProcessor:
    return GithubProcessor(token, github_api_url=server.url, waiting=ShortWaiting(), rerun="job")


def test_every_call_names_the_token_as_its_bearer(server: GithubServer) -> None:
    processor = processor_of(server)
    request = {"ci_link": server.link(7, "test"), "family": "charm", "created_at": "2026-01-01T00:00:00Z"}
    target = next(iter(Rerunner(processor).process_rerun_requests([{**request, "test_execution_id": 1}]).values()))
    assert processor.submit(target).link
    assert [check for check in github_checks(processor, []) if not check.ok] == []
    assert len(server.requests) > 1
    assert {each.headers["authorization"] for each in server.requests} == {f"Bearer {APP_TOKEN}"}


def is_hidden(text: str, told: str) -> bool:
    """Tell whether nothing that a token's payload or signature is made of can be read."""
    head = len("ghs_1234567_eyJhbGciOiJSUzI1NiJ9.")
    pieces = [told[start : start + LEAST] for start in range(head, len(told) - LEAST)]
    return not any(piece in text for piece in pieces)


ENCODINGS: list[tuple[str, Callable[[str], str]]] = [
    ("as it is", str),
    ("URL", urllib.parse.quote),
    ("URL, every sign", lambda token: "".join(f"%{ord(sign):02X}" for sign in token)),
    ("JSON", json.dumps),
    ("HTML", lambda token: html.escape(token).replace(".", "&#46;").replace("_", "&#x5f;")),
    ("base64", lambda token: base64.b64encode(token.encode()).decode()),
    ("base64 of Basic", lambda token: base64.b64encode(f"x-access-token:{token}".encode()).decode()),
    ("base64 without padding", lambda token: base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")),
]


@pytest.mark.parametrize("encode", [pytest.param(how, id=name) for name, how in ENCODINGS])
@pytest.mark.parametrize("before", [0, 200, 390])
def test_a_long_token_is_hidden_whole_however_it_is_encoded_and_cut_off(
    encode: Callable[[str], str], before: int
) -> None:
    told = f"{'w ' * (before // 2)}bad token {encode(APP_TOKEN)} was sent"
    for shown in (
        clean(told, Mask([APP_TOKEN])),
        without([APP_TOKEN], harmless(told)),
        without([APP_TOKEN], f"{told[: MOST_CHARACTERS - 1]}…"),
        without([APP_TOKEN], harmless(told, most=20_000)),
    ):
        assert is_hidden(shown, APP_TOKEN), shown
        assert is_hidden(shown, encode(APP_TOKEN).strip('"')), shown
        assert len(told) - len(encode(APP_TOKEN)) > MOST_CHARACTERS - LEAST or "***" in shown


@pytest.mark.parametrize("encode", [pytest.param(how, id=name) for name, how in ENCODINGS])
def test_a_server_that_sends_the_token_back_shows_it_to_nobody(
    server: GithubServer, encode: Callable[[str], str]
) -> None:
    body = json.dumps({"message": f"Bad token: {encode(APP_TOKEN)}"})
    server.inject(Fault(method="POST", status=403, body=body, headers={"Content-Type": "application/json"}))
    processor = processor_of(server)
    with pytest.raises(TriggerRefusedError) as refused:
        processor.submit(processor.process({"ci_link": server.link(7)}))
    assert is_hidden(str(refused.value), APP_TOKEN)
    assert is_hidden(str(refused.value), encode(APP_TOKEN).strip('"'))
    assert APP_TOKEN not in repr(processor)


def test_without_a_token_nothing_is_sent_and_the_setting_is_named(server: GithubServer) -> None:
    processor = processor_of(server, token="")
    with pytest.raises(SettingsError, match="github_token: missing; set GH_TOKEN or GITHUB_TOKEN"):
        processor.submit(processor.process({"ci_link": server.link(7)}))
    assert server.requests == []
