"""What goes wrong for a new user: each message says what happened, where, and what to do."""

from __future__ import annotations

import http.server
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from test_executions_rerunner.demo import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from integration.people.conftest import Ended, World

BOTH = pytest.mark.parametrize("processor", ["jenkins", "github"])
LOGIN = "https://sso.example/login"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def filled(world: World) -> World:
    world.add_jenkins()
    world.add_github()
    return world


def assert_says(ended: Ended, exit_code: int, *words: str) -> None:
    """Hold an end to its exit code and to one line that has all words."""
    assert ended.exit_code == exit_code
    lines = ended.shown.splitlines()
    assert any(all(word in line for word in words) for line in lines), ended.shown
    assert "Traceback" not in ended.shown
    assert "  File " not in ended.shown


def assert_nothing_changed(world: World) -> None:
    probe = "DELETE /v1/test-executions/reruns"
    assert [change for change in world.changes if change != probe] == []
    assert world.observer.deleted == []


@BOTH
def test_no_key_of_test_observer(world: World, processor: str) -> None:
    ended = filled(world).run(processor, TEST_OBSERVER_API_KEY=None)
    assert_says(ended, 3, world.observer.url, "403", "no key was sent", "set TEST_OBSERVER_API_KEY", "view_rerun")
    assert_nothing_changed(world)


@BOTH
def test_a_wrong_key_of_test_observer(world: World, processor: str) -> None:
    ended = filled(world).run(processor, TEST_OBSERVER_API_KEY="to_wrong-one")
    assert_says(ended, 3, world.observer.url, "wrong key", "missing permission", "set TEST_OBSERVER_API_KEY")
    assert "to_wrong-one" not in ended.shown
    assert_nothing_changed(world)


@BOTH
def test_a_key_that_may_not_delete(world: World, processor: str) -> None:
    world.observer.api_keys["to_viewer"] = {"view_rerun"}
    ended = filled(world).run(processor, TEST_OBSERVER_API_KEY="to_viewer")
    assert_says(ended, 3, world.observer.url, "deleting", "403", "change_rerun")
    assert_nothing_changed(world)


@BOTH
def test_test_observer_is_down(world: World, processor: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    ended = filled(world).run(processor, TEST_OBSERVER_URL=url)
    assert_says(ended, 3, url, "Connection refused", "check TEST_OBSERVER_URL and the network")
    assert_nothing_changed(world)


@BOTH
def test_a_wrong_address_of_test_observer(world: World, processor: str) -> None:
    ended = filled(world).run(processor, TEST_OBSERVER_URL=f"{world.observer.url}/v1")
    assert_says(ended, 3, f"{world.observer.url}/v1", "404 Not Found", "check TEST_OBSERVER_URL")


@BOTH
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(Fault(times=None, status=302, headers={"Location": LOGIN}), ("302", LOGIN), id="login redirect"),
        pytest.param(Fault(times=None, status=200, body="<h1>Log in</h1>"), ("200",), id="login page"),
        pytest.param(
            Fault(times=None, status=200, body="{}", headers={"Content-Type": "application/json"}),
            ("JSON array",),
            id="no array",
        ),
        pytest.param(Fault(times=None, status=500), ("500",), id="error"),
        pytest.param(Fault(times=None, action="reset"), ("the connection broke",), id="reset"),
        pytest.param(
            Fault(times=None, action="cut", status=200, body="[" + "1," * 99), ("the connection broke",), id="cut"
        ),
    ],
)
def test_something_else_answers_in_the_place_of_test_observer(
    world: World, processor: str, fault: Fault, words: tuple[str, ...]
) -> None:
    filled(world).observer.inject(fault)
    assert_says(world.run(processor), 3, world.observer.url, *words, "check TEST_OBSERVER_URL")
    assert world.observer.count("GET", "/login") == 0
    assert_nothing_changed(world)


@pytest.mark.parametrize(
    ("processor", "variable", "words"),
    [
        pytest.param("jenkins", "JENKINS_API_TOKEN", "JENKINS_USERNAME and JENKINS_API_TOKEN", id="jenkins"),
        pytest.param("github", "GH_TOKEN", "GH_TOKEN", id="github"),
    ],
)
def test_a_wrong_token(world: World, processor: str, variable: str, words: str) -> None:
    server = world.jenkins if processor == "jenkins" else world.github
    ended = filled(world).run(processor, **{variable: "wrong-token-of-mine"})
    assert_says(ended, 1, "could not be looked at: 401", f"check {words}", server.url)
    assert "wrong-token-of-mine" not in ended.shown
    assert_nothing_changed(world)


def test_a_password_in_the_place_of_an_api_token(world: World) -> None:
    filled(world).jenkins.restart_moments(*[403] * 50, method="POST")
    assert_says(world.run("jenkins"), 1, "403", "crumb", "use an API token")


@pytest.mark.parametrize(
    ("processor", "setting"),
    [pytest.param("jenkins", "JENKINS_URL", id="jenkins"), pytest.param("github", "GITHUB_API_URL", id="github")],
)
def test_the_ci_system_is_down(world: World, processor: str, setting: str) -> None:
    filled(world)
    server = world.jenkins if processor == "jenkins" else world.github
    url = server.url
    server.stop()
    assert_says(world.run(processor), 1, "no connection: Connection refused", f"check {setting}", url, "network")
    assert world.observer.deleted == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(Fault(times=None, status=302, headers={"Location": LOGIN}), ("302", LOGIN), id="redirect"),
        pytest.param(Fault(times=None, status=200, body="<h1>Log in</h1>"), ("no JSON", "a login page?"), id="page"),
    ],
)
def test_jenkins_behind_a_login(world: World, fault: Fault, words: tuple[str, ...]) -> None:
    filled(world).jenkins.inject(fault)
    assert_says(world.run("jenkins"), 1, "could not be looked at", *words, "login page?", "check JENKINS_URL")
    assert_nothing_changed(world)


def test_a_user_who_may_not_build(world: World) -> None:
    world.add_jenkins(permission="read")
    assert_says(world.run("jenkins"), 1, "request 1 (lab, ", "403", "needs the permission", "Item.Build")


def test_a_job_that_is_gone_or_hidden(world: World) -> None:
    world.observer.add(f"{world.jenkins.url}/job/gone/1/")
    assert_says(
        world.run("jenkins"), 1, "(gone, ", "failed: ", "404", "no such job, or no permission to see it (Job/Read)"
    )


def test_a_job_without_parameters(world: World) -> None:
    world.add_jenkins(parameters=None)
    assert_says(world.run("jenkins"), 1, "(lab, ", "failed: ", "takes no parameters")


@pytest.mark.parametrize("kind", ["classic", "integration", "fine-grained"])
def test_a_github_token_without_actions_write(world: World, kind: str) -> None:
    world.add_github()
    world.github.add_repository("canonical/lab", permission="read")
    world.github.credential_kind = kind  # type: ignore[assignment] # one of its words
    assert_says(world.run("github"), 1, "canonical/lab run 7", "403", "the token needs Actions: write there")
    assert world.observer.deleted == []


def test_a_repository_that_the_token_does_not_see(world: World) -> None:
    world.add_github()
    world.github.add_repository("canonical/lab", private=True, permission="none")
    assert_says(world.run("github"), 1, "canonical/lab run 7", "404 Not Found")


def test_a_wrong_family(world: World) -> None:
    ended = world.run("github", "--family", "rpm")
    assert_says(ended, 2, "--family: 'rpm' is not allowed", "snap, deb, charm, image, solution")


def test_a_family_that_jenkins_is_given_no_parameters_for(world: World) -> None:
    world.jenkins.add_job("lab")
    world.observer.add(f"{world.jenkins.url}/job/lab/1/", family="charm")
    ended = world.run("jenkins", "--dry-run")
    assert_says(ended, 0, "family 'charm' is not served, only snap, deb", "--build-parameter FAMILY:NAME=VALUE")


@BOTH
@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_a_dead_proxy(world: World, processor: str, name: str) -> None:
    ended = filled(world).run(processor, **{name: f"http://robot:sesame@127.0.0.1:{free_port()}"})
    assert_says(ended, 3, world.observer.url, "no connection to the proxy", "HTTP_PROXY", "Connection refused")
    assert "sesame" not in ended.shown
    assert_nothing_changed(world)


# a certificate that nobody signed


class _Queue(http.server.BaseHTTPRequestHandler):
    """Answers every GET with an empty queue."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key in one file, signed by itself."""
    folder = tmp_path_factory.mktemp("certificate")
    file = folder / "both.pem"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(  # noqa: S603 - constant words and our own file
        [*made, *names, "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    file.write_bytes((folder / "key.pem").read_bytes() + (folder / "certificate.pem").read_bytes())
    return file


@contextmanager
def serving_tls(certificate: Path) -> Iterator[str]:
    """Serve an empty queue with that certificate; yields the URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Queue) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that goes away is expected
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@BOTH
def test_a_self_signed_certificate_is_told_with_what_to_set(world: World, certificate: Path, processor: str) -> None:
    with serving_tls(certificate) as url:
        ended = world.run(processor, TEST_OBSERVER_URL=url)
    assert_says(ended, 3, url, "certificate", "not trusted", "self-signed", "set REQUESTS_CA_BUNDLE")


@BOTH
def test_with_what_to_set_the_certificate_is_trusted(world: World, certificate: Path, processor: str) -> None:
    with serving_tls(certificate) as url:
        ended = world.run(processor, TEST_OBSERVER_URL=url, REQUESTS_CA_BUNDLE=str(certificate))
    assert ended.exit_code == 0


@pytest.mark.parametrize(
    ("processor", "variable"),
    [pytest.param("jenkins", "JENKINS_URL", id="jenkins"), pytest.param("github", "GITHUB_API_URL", id="github")],
)
def test_a_self_signed_certificate_of_the_ci_system(
    world: World, certificate: Path, processor: str, variable: str
) -> None:
    with serving_tls(certificate) as url:
        link = f"{url}/job/lab/1/" if processor == "jenkins" else "https://github.com/canonical/lab/actions/runs/7"
        world.observer.add(link)
        ended = world.run(processor, **{variable: url})
    assert_says(ended, 1, "could not be looked at", "certificate is not trusted", "set REQUESTS_CA_BUNDLE")
