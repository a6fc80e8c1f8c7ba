"""A release: which tags may be released, where X.Y and X point, what its page says, and the workflow's own scripts."""

from __future__ import annotations

import base64
import importlib.util
import json
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
PAGES = ("README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
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


def test_a_release_that_is_published_by_now_is_not_newer_than_itself() -> None:
    assert release.image_tags("v1.0.1", ["v1.0.1", "v1.0.0"]) == ["1.0.1", "1.0", "1"]


def test_what_is_released_is_not_released_again() -> None:
    with pytest.raises(release.ReleaseError, match="released already"):
        release.check_new("v1.0.0", ["v1.1.0", "v1.0.0"])


def test_what_is_tagged_names_the_image_by_its_digest_wherever_it_is_pasted(project: Path) -> None:
    shutil.copy(ROOT / "action.yml", project)
    files = release.tagged_files(TAG, "some/where", IMAGE, root=project)

    pinned = f"ghcr.io/some/where:{__version__}@{DIGEST}"
    assert yaml.safe_load(files["action.yml"])["runs"] == {"using": "docker", "image": f"docker://{pinned}"}
    assert f"uses: docker://{pinned}\n" in files["README.md"]
    assert f"uses: some/where@{TAG}\n" in files["docs/github.md"]
    whole = "".join(
        files.get(path.relative_to(project).as_posix(), path.read_text(encoding="utf-8"))
        for path in [project / "README.md", project / "SECURITY.md", *(project / "docs").glob("*.md")]
    )
    assert ":TAG" not in whole
    assert "@TAG" not in whole


def test_what_is_tagged_differs_from_main_in_the_image_only(project: Path) -> None:
    shutil.copy(ROOT / "action.yml", project)
    files = release.tagged_files(TAG, "some/where", IMAGE, root=project)

    (project / "tagged.yml").write_text(files["action.yml"])
    checked = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", "vendor.github-actions"]
    subprocess.run([*checked, str(project / "tagged.yml")], check=True)  # noqa: S603 - a linter of ours
    for name, text in files.items():
        before, after = (project / name).read_text(encoding="utf-8").splitlines(), text.splitlines()
        changed = [new for old, new in zip(before, after, strict=True) if old != new]
        assert changed
        assert all(DIGEST in line or f"some/where@{TAG}" in line for line in changed)


def test_an_action_that_builds_nothing_is_not_tagged(project: Path) -> None:
    (project / "action.yml").write_text("name: Nothing\n")

    with pytest.raises(release.ReleaseError, match=r"action\.yml has no line"):
        release.tagged_files(TAG, "some/where", IMAGE, root=project)


def test_the_commit_stands_on_what_was_tested_and_holds_the_files_that_are_tagged() -> None:
    asked = json.loads(release.commit(TAG, "some/where", COMMIT, IMAGE, "release/x"))
    given = asked["variables"]["input"]
    told = {each["path"]: base64.b64decode(each["contents"]).decode() for each in given["fileChanges"]["additions"]}

    assert given["branch"] == {"repositoryNameWithOwner": "some/where", "branchName": "release/x"}
    assert given["expectedHeadOid"] == COMMIT
    assert given["message"] == {"headline": f"Release {TAG}"}
    assert told == release.tagged_files(TAG, "some/where", IMAGE)
    assert asked["query"].startswith("mutation($input: CreateCommitOnBranchInput!)")


@pytest.mark.parametrize("is_named", [False, True], ids=["as-it-stands", "named"])
def test_the_page_has_what_changed_and_workflows_with_nothing_left_to_fill_in(project: Path, *, is_named: bool) -> None:
    page = release.notes(TAG, "some/where", COMMIT, IMAGE, root=project if is_named else ROOT)

    assert page.startswith("The first release.\n")
    assert f"uses: docker://ghcr.io/some/where:{__version__}@{DIGEST}\n" in page
    assert f"uses: some/where@{COMMIT} # {TAG}\n" in page
    assert "OWNER/REPO" not in page
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
        pytest.param(["tags", "v1.0.0"], "v1.0.0\n", 0, id="tags-of-the-published"),
        pytest.param(["new", "v1.0.0"], "v1.0.0\n", 1, id="released"),
        pytest.param(["new", "v1.0.1"], "v1.0.0\n", 0, id="new"),
        pytest.param(["commit", TAG, "some/where", COMMIT, IMAGE, "b"], "", 0, id="commit"),
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
    answers = {"docker": f"echo {DIGEST}", "gh": f'case "$*" in *graphql*) echo {COMMIT};; *) echo v0.9.0;; esac'}
    for name, answer in answers.items():
        tool = folder / name
        tool.write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/calls"\n{answer}\n')
        tool.chmod(0o755)
    return folder


def _run_scripts(workflow: str, job: str, folder: Path, tools: Path, **values: str) -> list[str]:
    """Run the scripts of a job as a runner does, with values for its expressions; return what the tools were asked."""
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / f"{workflow}.yml").read_text())["jobs"]
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"  # noqa: TID251 - a test starts programs
    environment = {"PATH": path, "RUNNER_TEMP": str(folder), "GITHUB_OUTPUT": str(folder / "output"), **values}
    place = values.get("PROJECT", ROOT)
    for step in jobs[job]["steps"]:
        if "run" in step:
            given = {name: values.get(name, "unset") for name in step.get("env", {})}
            script = ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            subprocess.run(script, cwd=place, env={**environment, **given}, check=True)  # noqa: S603 - the workflow's own scripts
    calls = folder / "calls"
    return calls.read_text().splitlines() if calls.exists() else []


def test_the_workflow_names_the_image_in_lower_case(tmp_path: Path, tools: Path) -> None:
    shutil.copy("/bin/true", tools / "python3")  # the checks have tests of their own
    values = {"GITHUB_REPOSITORY": "Some/Where", "TAG": "v1.2.3", "GITHUB_REF": "refs/heads/main"}
    _run_scripts("release", "version", tmp_path, tools, **values)

    assert (tmp_path / "output").read_text() == "image=ghcr.io/some/where\nversion=1.2.3\n"


@pytest.mark.parametrize("ref", ["refs/heads/mine", "refs/tags/v1.2.3"])
def test_nothing_but_main_is_released(tmp_path: Path, tools: Path, ref: str) -> None:
    shutil.copy("/bin/true", tools / "python3")
    with pytest.raises(subprocess.CalledProcessError):
        _run_scripts("release", "version", tmp_path, tools, GITHUB_REPOSITORY="a/b", TAG="v1.2.3", GITHUB_REF=ref)

    assert not (tmp_path / "calls").exists()


def test_the_workflow_joins_both_architectures_and_says_what_they_hold(tmp_path: Path, tools: Path) -> None:
    image = "ghcr.io/some/where"
    bundle = tmp_path / "bundle.json"
    bundle.write_text("{}")
    values = {"IMAGE": image, "VERSION": "1.2.3", "AMD64": "sha256:1", "ARM64": "sha256:2"}
    values |= {"PROVENANCE": str(bundle), "SBOM": str(bundle)}
    calls = _run_scripts("release", "join", tmp_path, tools, **values)

    assert (tmp_path / "output").read_text() == f"digest={DIGEST}\n"
    assert calls[0] == f"docker buildx imagetools create --tag {image}:1.2.3 {image}@sha256:1 {image}@sha256:2"
    assert calls[-1] == f"docker run --rm --interactive --entrypoint python {image} - {image}"
    kept = {path.name for path in (tmp_path / "assets").iterdir()}
    assert kept == {"sbom.spdx.json", "image.sigstore.json", "sbom.spdx.json.sigstore.json"}


def test_the_workflow_drafts_the_release_of_the_commit_that_names_the_image(tmp_path: Path, tools: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.whl").touch()
    values = {"TAG": TAG, "GITHUB_REPOSITORY": "some/where", "GITHUB_SHA": "c" * 40, "IMAGE": IMAGE, "COMMIT": COMMIT}
    values |= {"GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "1"}
    branch, committed, drafted = _run_scripts("release", "draft", tmp_path, tools, **values)

    assert branch.endswith(f"-f ref=refs/heads/release/{TAG}-7.1 -f sha={'c' * 40}")
    assert committed.startswith("gh api graphql --input ")
    asked = json.loads((tmp_path / "asked").read_text())["variables"]["input"]
    assert asked["expectedHeadOid"] == "c" * 40
    assert (tmp_path / "output").read_text() == f"made={COMMIT}\n"
    assert drafted.startswith(f"gh release create {TAG} --draft --target {COMMIT} ")
    assert drafted.endswith("/assets/a.whl")
    assert DIGEST in (tmp_path / "notes.md").read_text()


def test_the_shorter_tags_move_to_the_image_of_the_published_action(tmp_path: Path, tools: Path) -> None:
    released = tmp_path / "released-project"
    (released / ".github").mkdir(parents=True)
    shutil.copy(SCRIPT, released / ".github")
    (released / "action.yml").write_text(release.tagged_files("v1.2.3", "some/where", IMAGE)["action.yml"])
    values = {"GITHUB_REF_NAME": "v1.2.3", "PROJECT": str(released)}
    calls = _run_scripts("published", "tags", tmp_path, tools, **values)

    name = "ghcr.io/some/where"
    assert calls[1:] == [
        f"docker buildx imagetools create --tag {name}:{tag} {name}@{DIGEST}" for tag in ("1.2.3", "1.2", "1")
    ]
