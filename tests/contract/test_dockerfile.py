"""The image begins with one base, pinned by its digest, that Dependabot can move."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
BASE = re.compile(r"^FROM python:(3\.\d+)-slim-\w+@sha256:[0-9a-f]{64} AS build$", re.MULTILINE)


def test_the_base_is_named_once_with_its_version_and_digest() -> None:
    assert len(BASE.findall(DOCKERFILE)) == 1
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)[1:] == ["scratch"]


def test_its_python_is_one_that_the_project_declares() -> None:
    (version,) = BASE.findall(DOCKERFILE)

    assert f'"Programming Language :: Python :: {version}"' in (ROOT / "pyproject.toml").read_text()


def test_nothing_else_names_its_version_so_that_dependabot_moves_all_of_it() -> None:
    assert re.findall(r"python3\.\d+", DOCKERFILE) == []
    assert "ARG" not in {line.split()[0] for line in DOCKERFILE.splitlines() if line.strip()}
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {"package-ecosystem": "docker", "directory": "/"}.items() <= updates[-1].items()


@pytest.mark.parametrize(
    ("arguments", "base"),
    [
        pytest.param([], None, id="the pinned one"),
        pytest.param(["BASE=python:3.13-slim-trixie"], "python:3.13-slim-trixie", id="another"),
    ],
)
def test_make_image_builds_on_the_base_or_on_the_one_that_is_given(
    tmp_path: Path, arguments: list[str], base: str | None
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\ncat > {tmp_path}/dockerfile\n')
    docker.chmod(0o755)
    make = ["/usr/bin/env", f"PATH={tmp_path}:/usr/bin:/bin", "make", "--directory", str(ROOT), "image", *arguments]
    subprocess.run(make, check=True, capture_output=True)  # noqa: S603 - our own task

    built = (tmp_path / "dockerfile").read_text(encoding="utf-8")
    assert built == (re.sub(r"(?m)^FROM python:\S+", f"FROM {base}", DOCKERFILE) if base else DOCKERFILE)
    assert (tmp_path / "arguments").read_text().split()[-3:] == ["--file", "-", "."]
