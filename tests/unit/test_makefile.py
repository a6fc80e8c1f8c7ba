"""`make demo PYTHON=…`: too old a Python is refused in words, another one makes .venv anew."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
# Stands for a Python of another version: it notes its calls, and makes a .venv that holds nothing but itself.
FAKE = """\
#!{python} -S
import pathlib, shutil, sys
version = {version}
if sys.argv[1] == "-c":
    sys.version_info = version
    exec(sys.argv[2])
else:
    with open("calls", "a") as calls:
        print(*version[:2], *sys.argv[1:3], file=calls)
if sys.argv[1:3] == ["-m", "venv"]:
    target = pathlib.Path(sys.argv[3], "bin", "python")
    target.parent.mkdir(parents=True)
    shutil.copy(__file__, target)
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run make on a copy of the Makefile, with fake Pythons: python39, python310 and python312."""
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    for minor in (9, 10, 12):
        fake = tmp_path / f"python3{minor}"
        fake.write_text(FAKE.format(python=sys.executable, version=(3, minor, 1, "final", 0)))
        fake.chmod(0o755)
    program = shutil.which("make")
    assert program

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        return subprocess.run(  # noqa: S603 - our own Makefile
            [program, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return run


def calls(folder: Path) -> list[str]:
    """Return the calls since the last time: the version, and what was asked of it."""
    path = folder / "calls"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def test_too_old_a_python_is_refused_before_anything_is_installed(
    make: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    refused = make("demo", "PYTHON=./python39")
    assert refused.returncode != 0
    assert refused.stderr.startswith("Python 3.10 or newer is needed, and ./python39 is 3.9: ")
    assert (calls(tmp_path), (tmp_path / ".venv").exists()) == ([], False)


def test_another_python_makes_the_environment_anew(
    make: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    whole = ["-m venv", "-m pip", "-m pip", "-m test_executions_rerunner.demo"]
    assert make("demo", "PYTHON=./python310").returncode == 0
    assert calls(tmp_path) == [f"3 10 {call}" for call in whole]
    assert make("demo", "PYTHON=./python312").returncode == 0
    assert calls(tmp_path) == [f"3 12 {call}" for call in whole]


@pytest.mark.parametrize("given", [pytest.param(["PYTHON=./python310"], id="named"), pytest.param([], id="not-named")])
def test_the_same_python_keeps_the_environment(
    make: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, given: list[str]
) -> None:
    make("demo", "PYTHON=./python310")
    calls(tmp_path)
    assert make("demo", *given).returncode == 0
    assert calls(tmp_path) == ["3 10 -m test_executions_rerunner.demo"]


def test_too_old_a_python_leaves_the_environment_alone(
    make: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    make("demo", "PYTHON=./python310")
    assert make("demo", "PYTHON=./python39").returncode != 0
    assert (tmp_path / ".venv" / "bin" / "python").exists()
