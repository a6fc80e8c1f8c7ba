"""Which links the GitHub processor serves, and the POST that each becomes."""

from __future__ import annotations

import pytest

from test_executions_rerunner import GithubProcessor, RequestProcessingError
from test_executions_rerunner.errors import SettingsError
from test_executions_rerunner.rerun_request import RerunRequest

RUN = "/repos/canonical/lab-ci/actions/runs/13326600211"
LINK = "https://github.com/canonical/lab-ci/actions/runs/13326600211"


def url_for(link: object, server: str = "https://github.com", repo: str = "canonical/*", api: str | None = None) -> str:
    processor = GithubProcessor("token", github_server_url=server, repo=repo, github_api_url=api)
    post = processor.process({"ci_link": link, "family": "anything at all"})
    assert set(post) == {"url"}
    return post["url"]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("", id="run"),
        pytest.param("/", id="slash at the end"),
        pytest.param("/job/37221100567", id="job"),
        pytest.param("/job/37221100567/", id="job with a slash at the end"),
        pytest.param("/job/37221100567#step:5:10", id="step of a job"),
        pytest.param("/attempts/2", id="attempt"),
        pytest.param("/attempts/2/job/37221100567", id="job of an attempt"),
        pytest.param("?pr=12", id="query"),
        pytest.param("?check_suite_focus=true", id="another query"),
        pytest.param("#summary-37221100567", id="fragment"),
        pytest.param("/workflow", id="its workflow file"),
        pytest.param("/usage", id="its usage"),
        pytest.param("/artifacts/5", id="an artifact"),
    ],
)
def test_a_link_to_a_run_becomes_its_rerun(more: str) -> None:
    assert url_for(LINK + more) == f"https://api.github.com{RUN}/rerun"


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("https://github.com", id="no path"),
        pytest.param("https://github.com/canonical/lab-ci", id="repository"),
        pytest.param("https://github.com/canonical/lab-ci/actions", id="its actions"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/", id="no number"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/12a", id="no number but nearly"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/012", id="leading zero"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/0", id="zero"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/-5", id="negative"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/١٢", id="arabic digits"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/%D9%A1", id="quoted arabic digit"),
        pytest.param(f"https://github.com/canonical/lab-ci/actions/runs/{'9' * 20}", id="too long a number"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/1%3Fx=1", id="quoted query in the number"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/1%2Frerun", id="quoted slash in the number"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/1/job/x", id="job that is no number"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/1/job", id="job without number"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/1/jobs/2", id="a job's number of before 2023"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/1/attempts", id="attempt without number"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/1/attempts/x", id="attempt that is no number"),
        pytest.param("https://github.com/canonical/lab-ci/runs/1", id="check run"),
        pytest.param("https://github.com/canonical/lab-ci/actions/workflows/a.yml", id="workflow"),
        pytest.param("https://github.com/canonical/lab-ci/Actions/runs/1", id="another case of actions"),
        pytest.param("https://github.com/x/canonical/lab-ci/actions/runs/1", id="one segment more"),
        pytest.param("https://github.com/../canonical/lab-ci/actions/runs/1", id="way up"),
        pytest.param("https://github.com/canonical/../actions/runs/1", id="way up as repository"),
        pytest.param("https://github.com/canonical/%2e%2e/actions/runs/1", id="quoted way up"),
        pytest.param("https://github.com/canonical/./actions/runs/1", id="dot as repository"),
        pytest.param("https://github.com/canonical//actions/runs/1", id="empty repository"),
        pytest.param("https://github.com//canonical/lab-ci/actions/runs/1", id="empty segment"),
        pytest.param("https://github.com/canonical/a%2Fb/actions/runs/1", id="quoted slash"),
        pytest.param("https://github.com/canonical/a%252Fb/actions/runs/1", id="slash quoted twice"),
        pytest.param("https://github.com/canonical/a b/actions/runs/1", id="blank in the repository"),
        pytest.param("https://github.com/canonical/ä/actions/runs/1", id="umlaut in the repository"),
        pytest.param("https://github.com/-canonical/a/actions/runs/1", id="hyphen before the owner"),
        pytest.param("https://api.github.com/repos/canonical/lab-ci/actions/runs/1", id="link to the API"),
        pytest.param("http://github.com/canonical/lab-ci/actions/runs/1", id="no TLS"),
        pytest.param("https://github.com:8443/canonical/lab-ci/actions/runs/1", id="another port"),
        pytest.param("https://www.github.com/canonical/lab-ci/actions/runs/1", id="host below"),
        pytest.param("https://github.com.evil.example/canonical/lab-ci/actions/runs/1", id="host that begins alike"),
        pytest.param("https://evilgithub.com/canonical/lab-ci/actions/runs/1", id="host that ends alike"),
        pytest.param("https://g\u0456thub.com/canonical/lab-ci/actions/runs/1", id="letter that looks alike"),
        pytest.param("https://github.com@evil.example/canonical/lab-ci/actions/runs/1", id="user information"),
        pytest.param("https://token@github.com/canonical/lab-ci/actions/runs/1", id="a credential in the link"),
        pytest.param("https://github.com\\@evil.example/canonical/lab-ci/actions/runs/1", id="backslash"),
        pytest.param("https://github.com/canonical/lab-ci/actions/runs/1\n", id="line feed"),
        pytest.param("https://github.com/canonical/lab-ci/actions\t/runs/1", id="tab"),
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("", id="empty"),
        pytest.param(None, id="none"),
        pytest.param(5, id="number"),
        pytest.param([LINK], id="list"),
        pytest.param({"url": LINK}, id="object"),
        pytest.param(LINK.encode(), id="bytes"),
    ],
)
def test_a_link_to_anything_else_is_refused(link: object) -> None:
    with pytest.raises(RequestProcessingError, match="ci_link"):
        url_for(link)


def test_a_link_to_another_origin_is_refused_naming_both() -> None:
    with pytest.raises(RequestProcessingError) as refused:
        url_for("https://ghe.example/canonical/lab-ci/actions/runs/1")
    assert "https://ghe.example" in str(refused.value)
    assert "https://github.com" in str(refused.value)


@pytest.mark.parametrize(
    ("server", "api"),
    [
        pytest.param("https://github.com", "https://api.github.com", id="github.com"),
        pytest.param("https://GitHub.com:443/", "https://api.github.com", id="github.com written otherwise"),
        pytest.param("https://acme.ghe.com", "https://api.acme.ghe.com", id="ghe.com"),
        pytest.param("https://ghes.example", "https://ghes.example/api/v3", id="Enterprise Server"),
        pytest.param("http://ghes.example:8080", "http://ghes.example:8080/api/v3", id="Enterprise Server on a port"),
        pytest.param("https://evil-github.com", "https://evil-github.com/api/v3", id="host that ends alike"),
        pytest.param("https://ghe.com", "https://ghe.com/api/v3", id="ghe.com itself is nobody's"),
    ],
)
def test_the_api_follows_from_the_server(server: str, api: str) -> None:
    link = f"{server.rstrip('/')}/canonical/lab-ci/actions/runs/13326600211"
    assert url_for(link, server) == f"{api}{RUN}/rerun"


def test_an_api_that_is_set_is_the_one_that_is_called() -> None:
    link = "https://ghes.example/canonical/lab-ci/actions/runs/13326600211"
    url = url_for(link, "https://ghes.example", api="https://ghes-api.example:444/v3")
    assert url == f"https://ghes-api.example:444/v3{RUN}/rerun"


@pytest.mark.parametrize(
    ("repo", "name"),
    [
        pytest.param("canonical/*", "canonical/lab", id="all of an owner"),
        pytest.param("Canonical/*", "canonical/lab", id="owner in another case"),
        pytest.param("canonical/*", "CANONICAL/Lab", id="link in another case"),
        pytest.param("canonical/lab", "canonical/LAB", id="one repository"),
        pytest.param("x/y canonical/lab", "canonical/lab", id="one of two"),
        pytest.param("canonical/l?b", "canonical/lab", id="one letter"),
        pytest.param("canonical/[kl]ab", "canonical/lab", id="one of some letters"),
        pytest.param("*/*", "a/b", id="all"),
        pytest.param("a_b/*", "a_b/c.d-e_f", id="signs that names may hold"),
    ],
)
def test_a_repository_that_matches_is_served(repo: str, name: str) -> None:
    url = url_for(f"https://github.com/{name}/actions/runs/1", repo=repo)
    assert url == f"https://api.github.com/repos/{name}/actions/runs/1/rerun"


@pytest.mark.parametrize(
    ("repo", "name"),
    [
        pytest.param("canonical/*", "evil/lab", id="another owner"),
        pytest.param("canonical/*", "canonical-evil/lab", id="owner that begins alike"),
        pytest.param("canonical/lab", "canonical/lab2", id="repository that begins alike"),
        pytest.param("canonical/lab", "canonical/la", id="repository that is shorter"),
        pytest.param("canonical/l?b", "canonical/lb", id="a letter is missing"),
        pytest.param("can*/x", "canonical/y", id="owner alone"),
        pytest.param("*/lab", "canonical/x", id="repository alone"),
    ],
)
def test_a_repository_that_does_not_match_is_refused(repo: str, name: str) -> None:
    with pytest.raises(RequestProcessingError, match=f"repository {name} is not served, only {repo[0]}.*--repo"):
        url_for(f"https://github.com/{name}/actions/runs/1", repo=repo)


def test_failed_jobs_alone_are_rerun_where_that_is_asked_for() -> None:
    processor = GithubProcessor("token", rerun="failed-jobs")
    assert processor.process({"ci_link": LINK}) == {"url": f"https://api.github.com{RUN}/rerun-failed-jobs"}


def test_two_links_to_one_run_are_one_target_whatever_their_case_and_job() -> None:
    processor = GithubProcessor("token")
    links = (LINK, f"{LINK.replace('lab-ci', 'Lab-CI')}/job/5", f"{LINK}/attempts/3?pr=1")
    keys = {processor.target(RerunRequest.read({"ci_link": link}, needs_id=False)).key for link in links}
    assert len(keys) == 1


def test_of_a_single_job_the_trigger_is_that_of_its_run_until_it_was_looked_at() -> None:
    processor = GithubProcessor("token", rerun="job")
    assert processor.process({"ci_link": f"{LINK}/job/5"}) == {"url": f"https://api.github.com{RUN}/rerun"}


@pytest.mark.parametrize(
    ("repo", "served"),
    [
        pytest.param("lab-ci", ("canonical/lab-ci",), id="name alone"),
        pytest.param("lab* x/y", ("canonical/lab*", "x/y"), id="two in a text"),
        pytest.param(["lab-ci", "x/y"], ("canonical/lab-ci", "x/y"), id="a list"),
    ],
)
def test_a_name_alone_is_a_repository_of_canonical(repo: str | list[str], served: tuple[str, ...]) -> None:
    assert GithubProcessor("token", repo=repo).repositories == served


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        pytest.param("repo", "https://github.com/canonical/lab", id="a link"),
        pytest.param("repo", "a/b/c", id="too many names"),
        pytest.param("repo", "", id="no repository"),
        pytest.param("rerun", "failed_jobs", id="a choice that there is not"),
        pytest.param("max_attempts", 52, id="more attempts than GitHub allows"),
        pytest.param("max_per_day", 0, id="none a day"),
        pytest.param("max_queued", True, id="no number"),
    ],
)
def test_a_wrong_argument_is_refused_naming_it_and_its_value(argument: str, value: object) -> None:
    with pytest.raises(SettingsError, match=argument) as refused:
        GithubProcessor("token", **{argument: value})  # type: ignore[arg-type] # wrong on purpose
    assert repr(value) in str(refused.value)
