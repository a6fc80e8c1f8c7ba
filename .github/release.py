"""What a release must know: whether its tag fits, which tags its image gets, what is tagged, what its page says.

    python3 .github/release.py check vX.Y.Z
    python3 .github/release.py new vX.Y.Z < FILE      the tags released before, one a line
    python3 .github/release.py tags vX.Y.Z < FILE     the same, with or without vX.Y.Z
    python3 .github/release.py commit vX.Y.Z OWNER/REPO COMMIT IMAGE@DIGEST BRANCH
    python3 .github/release.py notes vX.Y.Z OWNER/REPO COMMIT IMAGE@DIGEST

It needs nothing but Python, since it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAMED_FILES = ("README.md", "docs/github.md", "docs/jenkins.md", "SECURITY.md", "pyproject.toml")
"""The files that name the repository."""
PAGES = ("README.md", "docs/github.md")
"""The pages with the workflows to paste."""

_TAG = re.compile(r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", re.ASCII)
_HEADING = re.compile(r"^## (\S+) \W (.+)$", re.MULTILINE)
_SNIPPET = re.compile(r"^<!-- test: workflow(?: step)? -->\n(```yaml\n.+?^```)", re.DOTALL | re.MULTILINE)
_IMAGE = re.compile(r"ghcr\.io/[\w.-]+/[\w.-]+:TAG")
_ACTION = re.compile(r"(?<=uses: )[\w.-]+/[\w.-]+@TAG")
_BUILT = re.compile(r'^  image: "Dockerfile"$', re.MULTILINE)
_ASSETS = """\
`sbom.spdx.json` says what the image holds. Each `….sigstore.json` is the attestation of what it is named after."""
_CREATE_COMMIT = """\
mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }"""


class ReleaseError(Exception):
    """A tag that must not be released; the message says why."""


def problems(tag: str, root: Path = ROOT) -> list[str]:
    """Return why the files do not fit the tag: nothing when it can be released."""
    if not _TAG.fullmatch(tag):
        return [f"The tag {tag!r} is not vX.Y.Z."]
    version = tag[1:]
    pyproject = (root / "pyproject.toml").read_text(encoding="utf-8")
    package = (root / "src" / "test_executions_rerunner" / "__init__.py").read_text(encoding="utf-8")
    found = {
        "pyproject.toml": _first(r'^version = "(.+)"$', pyproject),
        "__version__": _first(r'^__version__ = "(.+)"$', package),
        "the newest heading of CHANGELOG.md": newest_change(root)[0],
    }
    wrong = [f"{place} says {said}, the tag {version}." for place, said in found.items() if said != version]
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", newest_change(root)[1]):
        wrong.append("The newest heading of CHANGELOG.md has no date, YYYY-MM-DD.")
    unnamed = [name for name in NAMED_FILES if "OWNER/REPO" in (root / name).read_text(encoding="utf-8")]
    return wrong + [f"{name} still says OWNER/REPO (CONTRIBUTING.md, The first release)." for name in unnamed]


def image_tags(tag: str, released: list[str]) -> list[str]:
    """Return the tags of the image: X.Y.Z, and X.Y and X unless a newer release has them."""
    version = _version(tag)
    newer = [other for other in (_version(each) for each in released if _TAG.fullmatch(each)) if other > version]
    lengths = [n for n in (3, 2, 1) if all(other[:n] != version[:n] for other in newer)]
    return [".".join(map(str, version[:n])) for n in lengths]


def check_new(tag: str, released: list[str]) -> None:
    """Let pass a tag that is not released.

    Raises:
        ReleaseError: It is; what people pinned does not change.
    """
    if tag in released:
        raise ReleaseError(f"{tag} is released already. Release what changed as another version.")


def newest_change(root: Path = ROOT) -> tuple[str, str]:
    """Return the version and the date of the CHANGELOG's newest heading."""
    found = _HEADING.search((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    return (found[1], found[2]) if found else ("nothing", "nothing")


def tagged_files(tag: str, repository: str, image: str, *, root: Path = ROOT) -> dict[str, str]:
    """Return the files that differ between what is tagged and `main`, by their path.

    Args:
        tag: The release's tag.
        repository: ``OWNER/REPO``.
        image: The image with its digest: the action takes it and builds nothing, and the documents name it.
        root: Where the files are.

    Raises:
        ReleaseError: Nothing in ``action.yml`` says that the image is built.
    """
    action, count = _BUILT.subn(f'  image: "docker://{_pinned(tag, image)}"', _text(root, "action.yml"))
    if count != 1:
        raise ReleaseError('action.yml has no line `image: "Dockerfile"` to put the image in.')
    pages = ["README.md", "SECURITY.md", *(f"docs/{path.name}" for path in sorted((root / "docs").glob("*.md")))]
    named = {name: _IMAGE.sub(_pinned(tag, image), _text(root, name)) for name in pages}
    named = {name: _ACTION.sub(f"{repository}@{tag}", text) for name, text in named.items()}
    return {"action.yml": action} | {name: text for name, text in named.items() if text != _text(root, name)}


def commit(tag: str, repository: str, parent: str, image: str, branch: str) -> str:
    """Return what GitHub's GraphQL is asked for, as JSON: the commit that is tagged.

    Args:
        tag: The release's tag.
        repository: ``OWNER/REPO``.
        parent: The commit of `main` that was tested.
        image: The image with its digest, built from the parent.
        branch: The branch that it is made on, which ends at its parent.
    """
    files = tagged_files(tag, repository, image)
    additions = [
        {"path": path, "contents": base64.b64encode(text.encode()).decode()} for path, text in sorted(files.items())
    ]
    asked = {
        "branch": {"repositoryNameWithOwner": repository, "branchName": branch},
        "message": {"headline": f"Release {tag}"},
        "expectedHeadOid": parent,
        "fileChanges": {"additions": additions},
    }
    return json.dumps({"query": _CREATE_COMMIT, "variables": {"input": asked}})


def notes(tag: str, repository: str, commit: str, image: str, *, root: Path = ROOT) -> str:
    """Return the text of a release's page: what changed, and the workflows to paste with this release filled in.

    Args:
        tag: The release's tag.
        repository: ``OWNER/REPO``.
        commit: What the tag points to.
        image: The image with its digest, ``ghcr.io/owner/repo@sha256:…``.
        root: Where the files are.
    """
    pinned = _pinned(tag, image)
    pages = "\n".join(_text(root, name) for name in PAGES)
    snippets = [_IMAGE.sub(pinned, each) for each in _SNIPPET.findall(pages)]
    snippets = [_ACTION.sub(f"{repository}@{commit} # {tag}", each) for each in snippets]
    verify = f"gh attestation verify oci://{pinned} --repo {repository}"
    parts = [
        _changes(tag[1:], root),
        "## In a GitHub workflow",
        "\n\nor, as an action, which takes the same image:\n\n".join(snippets),
    ]
    parts += ["## As a container", f"```console\n$ docker run --rm {pinned} --help\n$ {verify}\n```"]
    install = f"$ gh attestation verify WHEEL --repo {repository}\n$ pipx install WHEEL"
    parts += ["## As a package", f"```console\n{install}\n```", _ASSETS]
    return "\n\n".join(parts) + "\n"


def _pinned(tag: str, image: str) -> str:
    name, digest = image.split("@")
    return f"{name}:{tag[1:]}@{digest}"


def _text(root: Path, name: str) -> str:
    return (root / name).read_text(encoding="utf-8")


def _changes(version: str, root: Path) -> str:
    for section in re.split(r"^## ", _text(root, "CHANGELOG.md"), flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        if heading.split()[0] == version:
            return body.strip()
    raise ReleaseError(f"CHANGELOG.md says nothing of {version}.")


def _version(tag: str) -> tuple[int, ...]:
    found = _TAG.fullmatch(tag)
    if found is None:
        raise ReleaseError(f"The tag {tag!r} is not vX.Y.Z.")
    return tuple(map(int, found.groups()))


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else "nothing"


def main(arguments: list[str]) -> str:
    """Return what one of the commands above prints.

    Raises:
        ReleaseError: The tag must not be released.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    made_of = ("repository", "commit", "image")
    for name, more in {"check": (), "new": (), "tags": (), "commit": (*made_of, "branch"), "notes": made_of}.items():
        command = commands.add_parser(name)
        for each in ("tag", *more):
            command.add_argument(each)
    given = parser.parse_args(arguments)
    if given.command == "tags":
        return "".join(f"{each}\n" for each in image_tags(given.tag, sys.stdin.read().split()))
    if given.command == "new":
        check_new(given.tag, sys.stdin.read().split())
        return f"{given.tag} is new.\n"
    if given.command == "commit":
        return commit(given.tag, given.repository, given.commit, given.image, given.branch)
    if given.command == "notes":
        return notes(given.tag, given.repository, given.commit, given.image)
    if wrong := problems(given.tag):
        raise ReleaseError("\n".join(wrong))
    return f"{given.tag} can be released.\n"


if __name__ == "__main__":
    try:
        sys.stdout.write(main(sys.argv[1:]))
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)  # noqa: TID251 - a program of its own
