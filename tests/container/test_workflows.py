"""nektos/act runs this repository's own workflows: a whole release, with stubs for what only GitHub has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from container.conftest import copy_project
from test_executions_rerunner import __version__

if TYPE_CHECKING:
    from container.conftest import Commands

pytestmark = pytest.mark.container

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
STUB = Path(__file__).parent / "stub"
TOOLS = {
    "docker": 'echo "docker $*" >&2; case "$*" in *--version*) echo "{version}";; *inspect*) echo sha256:joined;; esac',
    "gh": 'echo "gh $*" >&2; case "$*" in *"release list"*) echo v99.0.0;; *) cat "${{@: -1}}";; esac',
    "make": 'echo "make $* with $RERUNNER_REQUIRE_ALL"',
}


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """This project as a repository of its own, ready to be released."""
    project = copy_project(tmp_path / "project")
    for name in ("README.md", "docs/github.md", "docs/jenkins.md", "SECURITY.md", "pyproject.toml"):
        text = (project / name).read_text(encoding="utf-8")
        (project / name).write_text(text.replace("OWNER/REPO", "some/where"), encoding="utf-8")
    changelog = (project / "CHANGELOG.md").read_text(encoding="utf-8")
    dated = re.sub(r"^(## \S+ \W) .+$", r"\1 2026-12-01", changelog, count=1, flags=re.MULTILINE)
    (project / "CHANGELOG.md").write_text(dated, encoding="utf-8")
    return project


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with what a runner of GitHub has, which says only what it was asked."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, script in TOOLS.items():
        (folder / name).write_text(f"#!/bin/bash\n{script.format(version=__version__)}\n")
        (folder / name).chmod(0o755)
    return folder


def _stubs(workflow: Path) -> list[str]:
    used = set(re.findall(r"uses: +((?!actions/checkout)[\w-]+/[\w-]+@\w+)", workflow.read_text()))
    return [word for name in sorted(used) for word in ("--local-repository", f"{name}={STUB}")]


def test_a_release_goes_from_the_tag_to_its_page(
    commands: Commands, prepared: Path, tools: Path, tmp_path: Path
) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"ref": f"refs/tags/v{__version__}"}))

    done = commands.act(
        prepared / ".github" / "workflows" / "release.yml",
        *("--directory", str(prepared), "--eventpath", str(event)),
        *("--env", "GITHUB_REPOSITORY=some/where"),
        *("--container-options", f"--volume {tools}:/usr/local/sbin:ro"),
        *_stubs(WORKFLOWS / "release.yml"),
        event="push",
    )
    log = done.stdout + done.stderr

    assert done.returncode == 0, log[-8000:]
    assert "make test with 1" in log
    assert log.count("push-by-digest=true") >= 2
    image = "ghcr.io/some/where"
    # Of a matrix act keeps only the outputs of its last job, so one of the two digests is missing here.
    assert re.search(rf"imagetools create --tag {image}:{__version__} {image}@\S* {image}@\S*", log)
    assert "attested sha256:joined" in log
    assert f"imagetools create --tag {image}:{__version__.partition('.')[0]} {image}@sha256:joined" in log
    assert f"gh release create v{__version__} --verify-tag" in log
    assert f"docker://{image}:{__version__}@sha256:joined" in log


def test_without_its_key_the_repositorys_own_drain_does_nothing_and_is_green(commands: Commands) -> None:
    done = commands.act(WORKFLOWS / "rerun.yml")
    log = done.stdout + done.stderr

    assert done.returncode == 0, log[-8000:]
    assert "There is no secret TEST_OBSERVER_API_KEY" in log
    assert "docker build" not in log
