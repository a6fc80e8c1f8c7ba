"""A setting is called as it was set, or as whoever runs the program can set it."""

from __future__ import annotations

import pytest

from test_executions_rerunner.cli.settings.reading import collect_settings
from test_executions_rerunner.cli.settings.spelling import STEP_VARIABLE, Spelling

TEXT = "only canonical/*; --repo sets it; check GH_TOKEN; check --test-observer-url and the network; GITHUB_SERVER_URL"


@pytest.mark.parametrize(
    ("flags", "environment", "told"),
    [
        pytest.param({}, {}, TEXT, id="nothing set"),
        pytest.param({"repo": ["a/b"]}, {"RERUNNER_REPO": "c/d"}, TEXT, id="a flag"),
        pytest.param({}, {"RERUNNER_REPO": "c/d"}, TEXT.replace("--repo", "RERUNNER_REPO"), id="a variable"),
        pytest.param(
            {},
            {"INPUT_REPO": "a/b", "TEST_OBSERVER_URL": "https://x"},
            "only canonical/*; the input repo sets it; check the input github_token; check TEST_OBSERVER_URL and the "
            "network; GITHUB_SERVER_URL",
            id="an action",
        ),
        pytest.param(
            {},
            {STEP_VARIABLE: "github", "RERUNNER_REPO": "a/b"},
            "only canonical/*; repo sets it; check githubCredentialsId; check testObserverUrl and the network; "
            "GITHUB_SERVER_URL",
            id="the Jenkins step",
        ),
    ],
)
def test_a_text_calls_settings_as_they_were_set(
    flags: dict[str, object], environment: dict[str, str], told: str
) -> None:
    settings, _ = collect_settings({"processor": "github", **flags}, environment)
    assert Spelling(settings.spelled, environment)(TEXT) == told


@pytest.mark.parametrize("text", ["--repository", "x--repo", "MY_GH_TOKEN", "a --rerun-not-ours b", "gh_token"])
def test_nothing_else_is_changed(text: str) -> None:
    assert Spelling({}, {STEP_VARIABLE: "jenkins"})(text) == text
