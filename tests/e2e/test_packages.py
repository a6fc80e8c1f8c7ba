"""`make dist` builds the wheel and the source archive that a release gives."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from test_executions_rerunner import __version__

ROOT = Path(__file__).parents[2]
NAME = f"test_executions_rerunner-{__version__}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both, in a folder of their own."""
    folder = tmp_path_factory.mktemp("dist")
    make = ["/usr/bin/env", "make", "--directory", str(ROOT), "dist", f"DIST={folder}", f"PYTHON={sys.executable}"]
    subprocess.run(make, check=True, capture_output=True)  # noqa: S603 - our own task
    return folder


def test_there_is_one_wheel_and_one_source_archive_of_this_version(built: Path) -> None:
    assert {path.name for path in built.iterdir()} == {f"{NAME}-py3-none-any.whl", f"{NAME}.tar.gz"}


def test_the_wheel_holds_the_program_and_what_it_reads(built: Path) -> None:
    with zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl") as wheel:
        names = set(wheel.namelist())

    assert {"test_executions_rerunner/py.typed", "test_executions_rerunner/cli/telling/report.schema.json"} <= names
    assert f"{NAME}.dist-info/licenses/LICENSE" in names
    assert {name.split("/")[0] for name in names} == {"test_executions_rerunner", f"{NAME}.dist-info"}


def test_the_source_archive_holds_what_the_documents_lead_to(built: Path) -> None:
    with tarfile.open(built / f"{NAME}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    wanted = {"README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/settings.md", "action.yml", "Dockerfile", "Makefile"}
    assert wanted | {"vars/rerunTestExecutions.groovy", "requirements.txt", "tests/run"} <= names
