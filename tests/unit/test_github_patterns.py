"""Which repositories patterns serve, and which patterns can serve none."""

from __future__ import annotations

import itertools

import pytest

from test_executions_rerunner import GithubProcessor, RequestProcessingError, SettingsError
from test_executions_rerunner.cli.settings.reading import read_settings
from test_executions_rerunner.processors.github.patterns import repository_pattern


def is_served(repo: str | list[str], name: str) -> bool:
    try:
        GithubProcessor(repo=repo).process({"ci_link": f"https://github.com/{name}/actions/runs/1"})
    except RequestProcessingError:
        return False
    return True


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["canonical/*", "!canonical/charm-*", "!lab"])), ids=" ".join
)
def test_what_is_taken_out_is_not_served_whatever_the_order(order: tuple[str, ...]) -> None:
    names = ("canonical/snap", "canonical/charm-tests", "Canonical/Charm-X", "canonical/lab", "else/snap")
    assert [is_served(list(order), name) for name in names] == [True, False, False, False, False]


def test_what_takes_a_repository_out_is_named() -> None:
    processor = GithubProcessor(repo="canonical/* !canonical/lab")
    with pytest.raises(
        RequestProcessingError, match="canonical/lab is not served: !canonical/lab of --repo takes it out"
    ):
        processor.process({"ci_link": "https://github.com/canonical/lab/actions/runs/1"})


@pytest.mark.parametrize("repo", ["!canonical/lab", "!lab !canonical/x"])
def test_only_such_patterns_are_an_error_for_the_constructor_and_the_settings_alike(repo: str) -> None:
    with pytest.raises(SettingsError, match=r"repo: .*!.* is not allowed: OWNER/NAME without ! is needed too"):
        GithubProcessor(repo=repo)
    with pytest.raises(SettingsError, match=r"RERUNNER_REPO: .*!.* is not allowed: OWNER/NAME without ! is needed too"):
        read_settings({"processor": "github"}, {"GH_TOKEN": "token", "RERUNNER_REPO": repo})
    with pytest.raises(SettingsError, match=r"--repo: .*!.* is not allowed: OWNER/NAME without ! is needed too"):
        read_settings({"processor": "github", "repo": repo.split()}, {"GH_TOKEN": "token"})


NONE_MATCHES = [
    "canonical!/lab",
    "canonical/la!b",
    "!!canonical/lab",
    "-canonical/*",
    "[-_]*/*",
    "canonical/[lab",
    "canonical/lab]",
    "canonical/[]",
    "canonical/[!a-z0-9._-]",
    "[!a-z0-9_-]x/y",
    "canonical/.",
    "canonical/..",
    "canonical/[.].",
]


@pytest.mark.parametrize("given", NONE_MATCHES)
def test_a_pattern_that_no_name_can_match_is_an_error_for_the_constructor_and_the_settings_alike(given: str) -> None:
    with pytest.raises(SettingsError, match="is not allowed: no repository's name can match it"):
        GithubProcessor(repo=f"canonical/* {given}")
    with pytest.raises(SettingsError, match="is not allowed: no repository's name can match it"):
        read_settings({"processor": "github", "repo": ["canonical/*", given]}, {"GH_TOKEN": "token"})


@pytest.mark.parametrize(
    "given",
    [
        "*/*",
        "[!c]*/*",
        "canonical/.*",
        "canonical/...",
        "canonical/.github",
        "canonical/[.a].",
        "*-x/*",
        "?/?",
        "A_B/[X-Z]",
    ],
)
def test_a_pattern_that_some_name_can_match_is_none(given: str) -> None:
    assert repository_pattern(given) == given
    assert repository_pattern(f"!{given}") == f"!{given}"
