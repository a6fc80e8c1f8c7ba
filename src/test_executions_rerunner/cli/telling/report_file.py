"""The file of a report: whole or not there, and never put in the place of a link, a device or a pipe."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import tempfile
from pathlib import Path

STANDARD_OUTPUT = "-"
"""The path that stands for it."""
_STANDARD_OUTPUT_NUMBER = 1
_MOST_LINKS = 40


def is_standard_output(path: str | None) -> bool:
    """Tell whether a path is standard output by any of its names, such as ``/dev/stdout``."""
    return path is not None and (path == STANDARD_OUTPUT or _descriptor(path) == _STANDARD_OUTPUT_NUMBER)


def check_report_file(path: str) -> None:
    """Find out whether a report can be written, before anything else is done.

    Raises:
        OSError: It cannot.
    """
    if path == STANDARD_OUTPUT:
        return
    number = _descriptor(path)
    if number is not None:
        if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(f"{path!r} is open for reading only")
        return
    target = _target(path)
    if target.is_dir():
        raise IsADirectoryError(f"{path!r} is a folder")
    if not _is_special(target):
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".report-"):
            pass


def write_report_file(path: str, text: str) -> None:
    """Write a report so that a reader sees a whole one or none; where a link leads is what is replaced.

    Raises:
        OSError: It cannot be written.
    """
    number = _descriptor(path)
    if number is not None:  # opened anew, a file would be cut off that others write to
        with os.fdopen(os.dup(number), "w", encoding="utf-8") as stream:
            stream.write(text)
        return
    target = _target(path)
    if _is_special(target):
        target.write_text(text, encoding="utf-8")
        return
    number, name = tempfile.mkstemp(dir=target.parent, prefix=".report-")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _target(path: str) -> Path:
    """Return where a path leads in the end, whether there is something or not."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    return target


def _is_special(target: Path) -> bool:
    """Tell whether something is a device or a pipe, which must not be replaced by a file."""
    return target.exists() and not target.is_file() and not target.is_dir()


def _descriptor(path: str) -> int | None:
    """Return which open file of this process a path leads to, such as ``/dev/stderr`` or ``/dev/fd/63``."""
    for _ in range(_MOST_LINKS):
        place = Path(os.path.realpath(Path(path).parent), Path(path).name)
        found = re.fullmatch(rf"/proc/{os.getpid()}/fd/([0-9]+)", str(place))
        if found:
            return int(found[1])
        try:
            path = str(place.parent / place.readlink())
        except OSError:  # no link, or one that is not to be read
            break
    return None
