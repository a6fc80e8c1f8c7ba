"""Make docs/demo.svg of what the program really shows on a terminal: ``make picture``.

The demo's queue is drained on a terminal of 100 columns, one call at a time, so that each picture has the lines in
the same order; the addresses of this machine are shown as those of a lab.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from html import escape
from pathlib import Path

from test_executions_rerunner.demo.scene import Scene

PICTURE = Path(__file__).parents[1] / "docs" / "demo.svg"
COLUMNS = 100
_COMMAND = ("jenkins", "--concurrency", "1")
_SHOWN_COMMAND = "$ test-executions-rerunner jenkins"
_COLOURS = {"31": "#f85149", "32": "#3fb950", "33": "#d29922", "2": "#8b949e"}
_LINE_HEIGHT, _CHARACTER_WIDTH, _MARGIN = 19, 8.43, 16


def shown() -> list[str]:
    """Return the lines that a terminal shows, with their colours as it is sent them."""
    with Scene() as scene:
        sent = _on_terminal(scene.settings)
        for address, name in (
            (scene.jenkins.url, "http://jenkins.lab.example:8080"),
            (scene.observer.url, "https://test-observer.lab.example"),
        ):
            sent = sent.replace(address, name)
    lines = [line.rpartition("\r")[2].rstrip() for line in sent.replace("\r\n", "\n").split("\n")]
    return [line for line in lines if line]


def _on_terminal(settings: dict[str, str]) -> str:
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "test_executions_rerunner", *_COMMAND]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.DEVNULL, stdout=its, stderr=its, env={"TERM": "xterm", **settings}
    ):
        os.close(its)
        sent = b""
        try:
            while part := os.read(ours, 65536):
                sent += part
        except OSError:  # Linux' way to say that nobody holds the other end any more
            pass
    os.close(ours)
    return sent.decode()


def drawn(lines: list[str]) -> str:
    """Return the picture of lines, as SVG without anything that runs or is loaded."""
    width = round(COLUMNS * _CHARACTER_WIDTH + 2 * _MARGIN)
    height = (len(lines) + 1) * _LINE_HEIGHT + 2 * _MARGIN
    rows = [_row(number, line) for number, line in enumerate([_SHOWN_COMMAND, *lines])]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img">',
            "<title>A drain of a small queue, as a terminal shows it</title>",
            f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
            '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#e6edf3">',
            *rows,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _row(number: int, line: str) -> str:
    pieces = re.split(r"\x1b\[(\d+)m", line)
    text = _plain(pieces[0])
    for code, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        colour = _COLOURS.get(code)
        text += f'<tspan fill="{colour}">{_plain(piece)}</tspan>' if colour and piece else _plain(piece)
    top = _MARGIN + (number + 1) * _LINE_HEIGHT - 5
    return f'<text x="{_MARGIN}" y="{top}" xml:space="preserve">{text}</text>'


def _plain(text: str) -> str:
    return escape(text, quote=False)


if __name__ == "__main__":
    PICTURE.write_text(drawn(shown()), encoding="utf-8")
    sys.stdout.write(f"{PICTURE.name} shows what the program shows\n")
