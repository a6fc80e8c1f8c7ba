"""The file of a report: whole or not there, and nothing is replaced that is no file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from test_executions_rerunner.cli.telling.report_file import check_report_file, is_standard_output, write_report_file


def test_a_report_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_report_file(str(file), "new, and then a letter that no file can hold: \ud800")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_report_can_be_read_by_others(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    write_report_file(str(file), "new")
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_a_device_is_written_to_and_not_replaced() -> None:
    check_report_file("/dev/null")
    write_report_file("/dev/null", "new")
    with open("/dev/null", "rb") as device:  # noqa: PTH123 - still a device
        assert device.read() == b""


@pytest.mark.parametrize("exists", [True, False], ids=["a file", "nothing yet"])
def test_a_link_stays_one_and_what_it_leads_to_is_replaced(tmp_path: Path, *, exists: bool) -> None:
    (tmp_path / "far").mkdir()
    target, link, to_link = tmp_path / "far" / "report.json", tmp_path / "link", tmp_path / "to-link"
    if exists:
        target.write_text("old")
    link.symlink_to("far/report.json")
    to_link.symlink_to(link)
    check_report_file(str(to_link))
    write_report_file(str(to_link), "new")
    assert (link.readlink(), to_link.readlink()) == (Path("far/report.json"), link)
    assert target.read_text() == "new"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["far", "link", "report.json", "to-link"]


@pytest.mark.parametrize("lead", ["missing/report.json", "loop", "folder"])
def test_a_link_that_leads_to_no_place_for_a_file_is_refused(tmp_path: Path, lead: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    link = tmp_path / "link"
    link.symlink_to(lead)
    with pytest.raises(OSError, match=r"\S"):
        check_report_file(str(link))


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_report_file(str(pipe))
    with subprocess.Popen(["/bin/cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:  # noqa: S603 - constant
        write_report_file(str(pipe), "new\n")
        assert reader.communicate(timeout=60)[0] == "new\n"
    assert pipe.is_fifo()


NAMES_OF_STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/self/fd/../fd/1")


@pytest.mark.parametrize("name", NAMES_OF_STANDARD_OUTPUT)
def test_standard_output_is_known_by_each_of_its_names(name: str) -> None:
    assert is_standard_output(name)


@pytest.mark.parametrize("name", [None, "report.json", "/dev/stderr", "/dev/null", "/proc/1/fd/1"])
def test_nothing_else_is_standard_output(name: str | None) -> None:
    assert not is_standard_output(name)


def test_a_link_to_standard_output_is_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    assert is_standard_output(str(tmp_path / "link"))


WRITES_BESIDE = """
import os, sys
from test_executions_rerunner.cli.telling.report_file import check_report_file, write_report_file
os.write(int(sys.argv[2]), b"before\\n")
check_report_file(sys.argv[1])
write_report_file(sys.argv[1], "report\\n")
os.write(int(sys.argv[2]), b"after\\n")
"""


def test_an_open_file_is_written_to_where_it_stands(tmp_path: Path) -> None:
    """As of ``--report /dev/stderr 2> file``: opened anew, it would be cut off while others write to it."""
    file = tmp_path / "log"
    with file.open("wb") as log:
        command = [sys.executable, "-c", WRITES_BESIDE, "/dev/stderr", "2"]
        subprocess.run(command, stderr=log, check=True, timeout=60)  # noqa: S603 - our own program
    assert file.read_text() == "before\nreport\nafter\n"
    assert Path("/dev/stderr").is_symlink()


def test_an_open_file_that_is_only_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with file.open("rb") as opened, pytest.raises(OSError, match="for reading only"):
        check_report_file(f"/dev/fd/{opened.fileno()}")
