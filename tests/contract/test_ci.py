"""`.ci/run` says what a person must install where it cannot start; with Docker it runs all and skips nothing."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("bash", "dirname", "cat", "id", "timeout", "sleep")
THERE = ("java", "mvn", "npm", "git", "python3", "spin", "gcc")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with nothing beside it, and in `tools` what the machine has: all but Docker."""
    (tmp_path / "clone" / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", tmp_path / "clone" / ".ci" / "run")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    for name in THERE:
        _tool(tools, name, "exit 0")
    _tool(tools, "make", 'echo "make $* with $RERUNNER_REQUIRE_ALL"')
    return tmp_path


def _tool(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/bash\n{script}\n")
    (folder / name).chmod(0o755)


def _run(clone: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own script
        [str(clone / "clone" / ".ci" / "run")],
        env={"PATH": str(clone / "tools"), "HOME": str(clone)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("engine", [None, "exit 1"], ids=["not-installed", "not-running"])
def test_without_docker_it_says_what_to_install_and_runs_nothing(clone: Path, engine: str | None) -> None:
    if engine:
        _tool(clone / "tools", "docker", engine)

    done = _run(clone)

    assert done.returncode == 1
    assert "apt-get install docker.io" in done.stderr
    assert done.stdout == ""


def test_with_docker_it_runs_all_in_a_folder_with_nothing_beside_it(clone: Path) -> None:
    _tool(clone / "tools", "docker", "exit 0")

    done = _run(clone)

    assert done.returncode == 0, done.stderr
    assert "make lint with 1" in done.stdout
    assert "make model with 1" in done.stdout
    assert "make test with 1" in done.stdout
    assert "make fuzz with 1" in done.stdout


@pytest.mark.parametrize("task", ["lint", "model", "test", "fuzz"])
def test_a_task_that_fails_fails_it_and_the_others_run_all_the_same(clone: Path, task: str) -> None:
    _tool(clone / "tools", "docker", "exit 0")
    _tool(clone / "tools", "make", f'echo "make $*"; [ "$1" != {task} ]')

    done = _run(clone)

    assert done.returncode == 1
    assert "make lint" in done.stdout
    assert "make model" in done.stdout
    assert "make test" in done.stdout
    assert "make fuzz" in done.stdout
    assert [line.split(": ")[1] for line in done.stdout.splitlines() if "exit code 1: " in line] == [f"make {task}"]


def test_what_cannot_be_installed_is_named(clone: Path) -> None:
    _tool(clone / "tools", "docker", "exit 0")
    (clone / "tools" / "mvn").unlink()

    done = _run(clone)

    assert done.returncode == 1
    assert "maven" in done.stderr


def _python(folder: Path, version: str) -> Path:
    """Put a Python of some version there, which can say so."""
    path = folder / f"python{version}"
    _tool(folder, path.name, f"echo {version.replace('.', ' ')}")
    return path


def test_the_quick_tests_run_with_the_oldest_and_the_newest_python_beside_its_own(clone: Path) -> None:
    tools = clone / "tools"
    _tool(tools, "docker", "exit 0")
    own = ".".join(map(str, sys.version_info[:2]))
    for version in ("3.9", "3.31", "3.32", "3.100", own):
        _python(tools, version)
    (tools / "python3").unlink()
    for name in ("mktemp", "git", "xargs", "cp", "timeout", "rm", "echo", "make", "python3"):
        (tools / name).unlink(missing_ok=True)
        (tools / name).symlink_to(sys.executable if name == "python3" else shutil.which(name) or "missing")
    (clone / "clone" / "Makefile").write_text("quick:\n\t@echo quick with $(PYTHON) in $(CURDIR)\n%:\n\t@echo $@\n")
    subprocess.run(["git", "init", "--quiet"], cwd=clone / "clone", check=True)  # noqa: S607 - whichever git there is
    subprocess.run(["git", "add", "."], cwd=clone / "clone", check=True)  # noqa: S607 - the same

    done = _run(clone)

    assert done.returncode == 0, done.stderr
    quick = [line.split() for line in done.stdout.splitlines() if line.startswith("quick with")]
    assert [words[2] for words in quick] == [str(tools / "python3.31"), str(tools / "python3.100")]
    for words in quick:
        assert not Path(words[4]).exists(), "a copy, which is gone"
    assert not (clone / "clone" / ".venv").exists()


def test_a_python_with_which_the_quick_tests_fail_fails_it(clone: Path) -> None:
    tools = clone / "tools"
    _tool(tools, "docker", "exit 0")
    _tool(tools, "python3", 'if [ "$1" = - ]; then echo "3.31 /some/python3.31"; fi')
    for name in ("mktemp", "xargs", "cp", "rm"):
        (tools / name).symlink_to(shutil.which(name) or "missing")
    _tool(tools, "git", "printf '.ci/run\\0'")
    _tool(tools, "make", 'echo "make $*"; [ "${3:-}" != quick ]')

    done = _run(clone)

    assert done.returncode == 1
    assert "make quick with Python 3.31 (/some/python3.31)" in done.stdout
    assert "quick PYTHON=/some/python3.31" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_task_too_and_starts_no_other(clone: Path, number: signal.Signals) -> None:
    _tool(clone / "tools", "docker", "exit 0")
    _tool(clone / "tools", "make", "sleep 600 & echo it runs; wait")
    script = [str(clone / "clone" / ".ci" / "run")]
    environment = {"PATH": str(clone / "tools"), "HOME": str(clone)}
    with subprocess.Popen(script, env=environment, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603 - ours
        assert running.stdout
        assert "it runs\n" in iter(running.stdout.readline, "")
        running.send_signal(number)
        rest = running.stdout.read()  # to its end: nothing that could write is left

    assert running.returncode == 128 + number
    assert rest == ""


def test_what_a_task_leaves_behind_is_ended(clone: Path) -> None:
    _tool(clone / "tools", "docker", "exit 0")
    _tool(clone / "tools", "make", "sleep 600 &")

    done = _run(clone)  # to the end of what it prints: nothing that could write is left

    assert done.returncode == 0, done.stderr


@pytest.fixture
def tested(tmp_path: Path) -> Path:
    """`tests/run` with the tools of this environment, beside three tests of its own."""
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "run", tmp_path / "tests" / "run")
    tools = tmp_path / ".venv" / "bin"
    tools.mkdir(parents=True)
    for name in ("pytest", "python"):
        _tool(tools, name, f'exec "{Path(sys.executable).with_name(name)}" "$@"')
    (tmp_path / "test_skipped.py").write_text("import pytest\n\n\ndef test_it(): pytest.skip('no such thing here')\n")
    (tmp_path / "test_fails.py").write_text("def test_it(): raise ValueError\n")
    (tmp_path / "test_good.py").write_text(
        "import os\n\n\ndef test_it(): assert not [name for name in os.environ if name.startswith('RERUNNER_')]\n"
    )
    return tmp_path


def _tests_run(tested: Path, name: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own script
        [str(tested / "tests" / "run"), f"test_{name}.py"],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", **more}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "ends_with"),
    [
        pytest.param("good", 0, id="good"),
        pytest.param("skipped", 1, id="skipped"),
        pytest.param("fails", 1, id="fails"),
    ],
)
def test_where_nothing_may_be_left_out_a_skipped_test_fails_and_the_tests_see_no_setting(
    tested: Path, name: str, ends_with: int
) -> None:
    done = _tests_run(tested, name, RERUNNER_REQUIRE_ALL="1")

    assert done.returncode == ends_with, done.stdout + done.stderr
    assert ("1 tests of pytest: no such thing here" in done.stdout) is (name == "skipped")


def test_where_something_may_be_left_out_a_skipped_test_is_none_that_fails(tested: Path) -> None:
    done = _tests_run(tested, "skipped")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 skipped" in done.stdout
