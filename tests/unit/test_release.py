"""A release: which tags may be released, where X.Y and X point, what its page says, and the workflow's own scripts."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from test_executions_rerunner import __version__

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".github" / "release.py"
PAGES = ("README.md", "docs/github.md")
FILES = (*PAGES, "SECURITY.md", "CHANGELOG.md", "pyproject.toml", "src/test_executions_rerunner/__init__.py")
TAG = f"v{__version__}"
DIGEST = "sha256:" + "a" * 64
IMAGE = f"ghcr.io/some/where@{DIGEST}"
COMMIT = "b" * 40


def _load() -> ModuleType:
    specification = importlib.util.spec_from_file_location("release", SCRIPT)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


release: Any = _load()


def _put(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files that a release looks at, ready for one, with what CONTRIBUTING says done."""
    (name,) = re.findall(r'^Homepage = "https://github.com/(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    for each in FILES:
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / each).read_text(encoding="utf-8").replace(name, "OWNER/REPO")
        dated = re.sub(r"^(## \S+ \W) .+$", r"\1 2026-12-01", text, count=1, flags=re.MULTILINE)
        (tmp_path / each).write_text(dated if each == "CHANGELOG.md" else text, encoding="utf-8")
    (command,) = re.findall(r"^ *(sed -i .+)$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    named = command.replace("some-owner/some-repository", "some/where")
    subprocess.run(["/bin/bash", "-c", named], cwd=tmp_path, check=True)  # noqa: S603 - as documented
    return tmp_path


def test_the_newest_heading_of_the_changelog_is_the_version_everywhere() -> None:
    (declared,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)

    assert release.newest_change()[0] == declared == __version__


def test_a_prepared_version_can_be_released(project: Path) -> None:
    assert release.problems(TAG, project) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "named"),
    [
        pytest.param("pyproject.toml", 'version = "', 'version = "9', "pyproject.toml", id="metadata"),
        pytest.param(FILES[-1], '__version__ = "', '__version__ = "9', "__version__", id="package"),
        pytest.param("CHANGELOG.md", f"## {__version__} ", "## 0.9.9 ", "CHANGELOG.md", id="changelog"),
        pytest.param("CHANGELOG.md", "2026-12-01", "unreleased", "no date", id="unreleased"),
        pytest.param("README.md", "some/where", "OWNER/REPO", "README.md", id="placeholder"),
        pytest.param("pyproject.toml", "some/where", "OWNER/REPO", "pyproject.toml", id="placeholder-of-the-metadata"),
    ],
)
def test_what_does_not_fit_the_tag_is_named(project: Path, name: str, old: str, new: str, named: str) -> None:
    _put(project / name, old, new)

    (problem,) = release.problems(TAG, project)

    assert named in problem


@pytest.mark.parametrize("tag", ["1.0.0", "v1.0", "v1.0.0-rc1", "v01.0.0", "v1.0.0\n", "v1.0.0; id"])
def test_another_kind_of_tag_is_refused(tag: str) -> None:
    assert release.problems(tag) == [f"The tag {tag!r} is not vX.Y.Z."]


@pytest.mark.parametrize(
    ("tag", "released", "expected"),
    [
        pytest.param("v1.0.0", [], ["1.0.0", "1.0", "1"], id="first"),
        pytest.param("v1.0.1", ["v1.0.0"], ["1.0.1", "1.0", "1"], id="fix"),
        pytest.param("v1.0.1", ["v1.1.0", "v1.0.0"], ["1.0.1", "1.0"], id="fix-of-an-older-line"),
        pytest.param("v1.1.0", ["v2.0.0", "v1.0.9"], ["1.1.0", "1.1", "1"], id="line-of-an-older-major"),
        pytest.param("v1.0.1", ["v1.0.2"], ["1.0.1"], id="overtaken"),
        pytest.param("v1.10.0", ["v1.9.0"], ["1.10.0", "1.10", "1"], id="numbers-are-no-texts"),
        pytest.param("v1.0.0", ["nightly", "v1.2"], ["1.0.0", "1.0", "1"], id="other-tags"),
    ],
)
def test_the_shorter_tags_only_move_forward(tag: str, released: list[str], expected: list[str]) -> None:
    assert release.image_tags(tag, released) == expected


def test_what_is_released_is_not_released_again() -> None:
    with pytest.raises(release.ReleaseError, match="released already"):
        release.image_tags("v1.0.0", ["v1.1.0", "v1.0.0"])


@pytest.mark.parametrize("is_named", [False, True], ids=["as-it-stands", "named"])
def test_the_page_has_what_changed_and_workflows_with_nothing_left_to_fill_in(project: Path, *, is_named: bool) -> None:
    page = release.notes(TAG, "some/where", COMMIT, IMAGE, root=project if is_named else ROOT)

    assert page.startswith("The first release.\n")
    assert f"uses: docker://ghcr.io/some/where:{__version__}@{DIGEST}\n" in page
    assert f"uses: some/where@{COMMIT} # {TAG}\n" in page
    assert "OWNER" not in page
    assert ":TAG" not in page
    assert "@TAG" not in page


def test_the_page_has_only_its_own_version(project: Path) -> None:
    _put(
        project / "CHANGELOG.md",
        f"## {__version__} ",
        f"## 9.9.9 \N{EN DASH} 2027-01-01\n\n- Newer.\n\n## {__version__} ",
    )

    page = release.notes("v9.9.9", "some/where", COMMIT, IMAGE, root=project)

    assert page.startswith("- Newer.\n\n## In a GitHub workflow")


@pytest.mark.parametrize(
    ("arguments", "stdin", "code"),
    [
        pytest.param(["tags", "v1.0.1"], "v1.0.0\nv1.1.0\n", 0, id="tags"),
        pytest.param(["tags", "v1.0.0"], "v1.0.0\n", 1, id="released"),
        pytest.param(["check", "v0.0.1"], "", 1, id="wrong-version"),
        pytest.param(["notes", TAG, "some/where", COMMIT, IMAGE], "", 0, id="notes"),
        pytest.param(["notes", "v0.0.1", "some/where", COMMIT, IMAGE], "", 1, id="unknown-version"),
    ],
)
def test_the_script_says_by_its_exit_code_whether_to_go_on(arguments: list[str], stdin: str, code: int) -> None:
    command = [sys.executable, "-S", str(SCRIPT), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)  # noqa: S603 - our own script

    assert done.returncode == code, done.stderr
    assert bool(done.stdout) == (code == 0)
    assert "Traceback" not in done.stderr


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with a docker and a gh that write down what they were asked."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, answer in (("docker", DIGEST), ("gh", "v0.9.0")):
        tool = folder / name
        tool.write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/calls"\necho "{answer}"\n')
        tool.chmod(0o755)
    return folder


def _run_scripts(job: str, folder: Path, tools: Path, **values: str) -> list[str]:
    """Run the scripts of a job as a runner does, with values for its expressions; return what the tools were asked."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"  # noqa: TID251 - a test starts programs
    environment = {"PATH": path, "RUNNER_TEMP": str(folder), "GITHUB_OUTPUT": str(folder / "output"), **values}
    for step in workflow["jobs"][job]["steps"]:
        if "run" in step:
            given = {name: values.get(name, "unset") for name in step.get("env", {})}
            script = ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            subprocess.run(script, cwd=ROOT, env={**environment, **given}, check=True)  # noqa: S603 - the workflow's own scripts
    calls = folder / "calls"
    return calls.read_text().splitlines() if calls.exists() else []


def test_the_workflow_names_the_image_in_lower_case(tmp_path: Path, tools: Path) -> None:
    shutil.copy("/bin/true", tools / "python3")  # the check has tests of its own
    _run_scripts("version", tmp_path, tools, GITHUB_REPOSITORY="Some/Where", GITHUB_REF_NAME="v1.2.3")

    assert (tmp_path / "output").read_text() == "image=ghcr.io/some/where\nversion=1.2.3\n"


def test_the_workflow_joins_both_architectures_and_moves_the_tags(tmp_path: Path, tools: Path) -> None:
    image = "ghcr.io/some/where"
    values = {"IMAGE": image, "VERSION": "1.2.3", "AMD64": "sha256:1", "ARM64": "sha256:2", "DIGEST": DIGEST}
    calls = _run_scripts("publish", tmp_path, tools, GITHUB_REF_NAME="v1.2.3", **values)

    assert (tmp_path / "output").read_text() == f"digest={DIGEST}\n"
    assert calls[1] == f"docker buildx imagetools create --tag {image}:1.2.3 {image}@sha256:1 {image}@sha256:2"
    moved = [f"docker buildx imagetools create --tag {image}:{tag} {image}@{DIGEST}" for tag in ("1.2.3", "1.2", "1")]
    assert calls[-3:] == moved


def test_the_workflow_makes_the_release_with_its_page(tmp_path: Path, tools: Path) -> None:
    values = {"GITHUB_REF_NAME": TAG, "GITHUB_REPOSITORY": "some/where", "GITHUB_SHA": COMMIT, "IMAGE": IMAGE}
    (call,) = _run_scripts("page", tmp_path, tools, **values)

    assert call.startswith(f"gh release create {TAG} --verify-tag")
    assert DIGEST in (tmp_path / "notes.md").read_text()
