"""What the image holds, and what it costs to start."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

if TYPE_CHECKING:
    from container.conftest import Commands

pytestmark = pytest.mark.container

ROOT = Path(__file__).parents[2]
MOST_BYTES = 150 * 1000 * 1000


def _inspect(commands: Commands, image: str, what: str) -> object:
    found: object = json.loads(commands.docker("image", "inspect", "--format", f"{{{{json {what}}}}}", image).stdout)
    return found


def test_the_image_is_at_most_150_megabytes(commands: Commands, image: str) -> None:
    size = _inspect(commands, image, ".Size")

    assert isinstance(size, int)
    assert size <= MOST_BYTES


def test_the_program_is_the_entry_point_with_no_shell_no_user_and_no_folder(commands: Commands, image: str) -> None:
    assert _inspect(commands, image, ".Config.Entrypoint") == ["/usr/local/bin/test-executions-rerunner"]
    assert _inspect(commands, image, ".Config.User") == ""
    assert _inspect(commands, image, ".Config.WorkingDir") in {"", "/"}
    assert _inspect(commands, image, ".Config.Cmd") is None


def test_the_image_holds_the_locked_versions_and_nothing_beside_them(commands: Commands, image: str) -> None:
    listed = commands.python(
        image,
        "import importlib.metadata as metadata, json\n"
        "print(json.dumps({dist.name: dist.version for dist in metadata.distributions()}))",
    )
    held = {name.lower().replace("_", "-"): version for name, version in json.loads(listed).items()}
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))

    assert held.pop("test-executions-rerunner")
    assert held.items() <= locked.items()
    assert set(locked) - set(held) == {"setuptools", "colorama"}


def test_nothing_that_only_the_build_needed_is_left(commands: Commands, image: str) -> None:
    missing = commands.python(
        image,
        "import importlib.util as util\n"
        "names = 'pip', 'setuptools', 'hatchling', 'ensurepip', 'idlelib', 'tkinter'\n"
        "print(*(name for name in names if util.find_spec(name)))",
    )
    folders = commands.run("--entrypoint", "/bin/ls", image, "/", "/usr/local")

    assert missing.split() == []
    assert not {"build", "include"} & set(folders.stdout.split())


def test_the_servers_of_the_demo_are_not_in_the_image(commands: Commands, image: str) -> None:
    found = commands.python(
        image,
        "import importlib.util as util\n"
        "names = 'test_executions_rerunner.rerunner', 'test_executions_rerunner.demo'\n"
        "print(*(name for name in names if util.find_spec(name)))",
    )

    assert found.split() == ["test_executions_rerunner.rerunner"]


def test_the_image_carries_the_licence(commands: Commands, image: str) -> None:
    told = commands.python(
        image,
        "import importlib.metadata as metadata\n"
        "name = 'test-executions-rerunner'\n"
        "texts = [path.read_text() for path in metadata.files(name) if path.name == 'LICENSE']\n"
        "print(metadata.metadata(name)['License-Expression'], *texts)",
    )

    assert told.startswith("Apache-2.0")
    assert "http://www.apache.org/licenses/LICENSE-2.0" in told


def test_every_module_is_compiled(commands: Commands, image: str) -> None:
    sources = commands.python(
        image,
        "import importlib.util as util, pathlib, sysconfig\n"
        "for path in pathlib.Path(sysconfig.get_path('stdlib')).rglob('*.py'):\n"
        "    print(pathlib.Path(util.cache_from_source(str(path))).is_file(), path)",
    ).splitlines()

    assert len(sources) > 1000
    assert [line for line in sources if line.startswith("False")] == []


def test_a_start_compiles_nothing(commands: Commands, image: str) -> None:
    compiled = re.compile(r"^# code object from '?\S+\.py'?$", re.MULTILINE)
    normal = commands.run("--env", "PYTHONVERBOSE=1", image, "--help")
    # With the bytecode out of sight every module is compiled, so the pattern above would have seen it.
    blind = commands.run("--env", "PYTHONVERBOSE=1", "--env", "PYTHONPYCACHEPREFIX=/nowhere", image, "--help")

    assert normal.returncode == 0, normal.stderr[-2000:]
    assert compiled.findall(normal.stderr) == []
    assert compiled.findall(blind.stderr) != []


def test_help_takes_at_most_twice_as_long_as_starting_and_ending_a_container(commands: Commands, image: str) -> None:
    def seconds(*arguments: str) -> float:
        started = time.perf_counter()
        done = commands.docker("run", "--rm", "--network", "none", *arguments)
        assert done.returncode == 0, done.stderr
        return time.perf_counter() - started

    # The fastest of several in turn: other work on the machine makes some slower, none faster.
    pairs = [(seconds(image, "--help"), seconds("--entrypoint", "/bin/true", image)) for _ in range(7)]
    program, floor = (min(times) for times in zip(*pairs, strict=True))

    assert program <= 2 * floor


def test_the_list_of_what_it_holds_names_each_package_of_debian_and_of_python(commands: Commands, image: str) -> None:
    in_image = ("run", "--rm", "--interactive", "--entrypoint", "python", image, "-", "a/b@sha256:0")
    written = subprocess.run(  # noqa: S603 - our own script, as a release runs it
        ["/usr/bin/env", "docker", *in_image],
        input=(ROOT / ".github" / "sbom.py").read_text(encoding="utf-8"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    told = json.loads(written)
    urls = {each["externalRefs"][0]["referenceLocator"] for each in told["packages"]}
    installed = commands.run("--entrypoint", "dpkg-query", image, "--show", "--showformat=${Package} ").stdout

    of_debian = {unquote(url.split("/")[2].split("@")[0]) for url in urls if url.startswith("pkg:deb/")}
    assert of_debian == set(installed.split())
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert f"pkg:pypi/requests@{locked['requests']}" in urls
    assert any(url.startswith("pkg:generic/python@3.") for url in urls)
    contained = [each for each in told["relationships"] if each["relationshipType"] == "CONTAINS"]
    assert len(contained) == len(told["packages"]) - 1
