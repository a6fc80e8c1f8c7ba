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
    "gh": """echo "gh $*" >&2
case "$*" in *graphql*) echo 0123abc;; *list*) echo v99.0.0;; *create*) cat "${{@: -2:1}}";; esac""",
    "make": """echo "make $* with $RERUNNER_REQUIRE_ALL"
case "$1" in dist) pip --quiet wheel --no-deps --wheel-dir "${{2#DIST=}}" .;; esac""",
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


def _rehearse(commands: Commands, project: Path, name: str, event: Path, tools: Path) -> str:
    """Run a workflow with stubs for all that is not here; return its log."""
    kind = json.loads(event.read_text())["kind"]
    done = commands.act(
        project / ".github" / "workflows" / f"{name}.yml",
        *("--directory", str(project), "--eventpath", str(event)),
        *("--env", "GITHUB_REPOSITORY=some/where"),
        *("--container-options", f"--volume {tools}:/usr/local/sbin:ro"),
        *_stubs(WORKFLOWS / f"{name}.yml"),
        event=kind,
    )
    log = done.stdout + done.stderr
    assert done.returncode == 0, log[-8000:]
    return log


def test_a_release_goes_from_its_start_to_its_draft(
    commands: Commands, prepared: Path, tools: Path, tmp_path: Path
) -> None:
    tag, image = f"v{__version__}", "ghcr.io/some/where"
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"kind": "workflow_dispatch", "ref": "refs/heads/main", "inputs": {"tag": tag}}))

    log = _rehearse(commands, prepared, "release", event, tools)

    assert "make test with 1" in log
    assert log.count("push-by-digest=true") >= 2
    # Of a matrix act keeps only the outputs of its last job, so one of the two digests is missing here.
    assert re.search(rf"imagetools create --tag {image}:{__version__} {image}@\S* {image}@\S*", log)
    assert "attested sha256:joined" in log
    assert "attested sha256:joined with 0 lines of contents" in log  # the docker here says nothing
    assert re.search(rf"attested \S+/test_executions_rerunner-{__version__}-py3-none-any\.whl", log)
    assert f"-f ref=refs/heads/release/{tag}-" in log
    assert re.search(rf"gh release create {tag} --draft --target 0123abc .*/assets/fetched\.whl", log)
    assert f"docker://{image}:{__version__}@sha256:joined" in log
    assert f"some/where@0123abc # {tag}" in log


def test_the_image_gets_its_shorter_tags_when_the_release_is_published(
    commands: Commands, prepared: Path, tools: Path, tmp_path: Path
) -> None:
    tag, image = f"v{__version__}", "ghcr.io/some/where"
    action = prepared / "action.yml"
    built = action.read_text(encoding="utf-8")
    action.write_text(built.replace('"Dockerfile"', f'"docker://{image}:{__version__}@sha256:0123"'), encoding="utf-8")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"kind": "release", "ref": f"refs/tags/{tag}", "release": {"tag_name": tag}}))

    log = _rehearse(commands, prepared, "published", event, tools)

    for name in (__version__, __version__.partition(".")[0]):
        assert f"imagetools create --tag {image}:{name} {image}@sha256:0123" in log


def test_without_its_key_the_repositorys_own_drain_does_nothing_and_is_green(commands: Commands) -> None:
    done = commands.act(WORKFLOWS / "rerun.yml")
    log = done.stdout + done.stderr

    assert done.returncode == 0, log[-8000:]
    assert "There is no secret TEST_OBSERVER_API_KEY" in log
    assert "docker build" not in log
