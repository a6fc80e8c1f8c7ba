"""A build parameter of Jenkins, as people write it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from test_executions_rerunner.defaults import FAMILIES

if TYPE_CHECKING:
    from typing_extensions import Self


class BuildParameter(str):  # noqa: SLOT000 - it has attributes
    """A build parameter as it was written, ``[FAMILY:]NAME=VALUE``, with its parts.

    Attributes:
        family: The family that it serves, or None: every family already served.
        name: The parameter's name.
        value: Its value, maybe empty.
    """

    family: str | None
    name: str
    value: str

    def __new__(cls, written: str) -> Self:
        """Take the text apart; a ValueError says what is allowed."""
        self = super().__new__(cls, written)
        before, equals, self.value = written.partition("=")
        family, colon, name = before.strip().rpartition(":")
        self.family, self.name = family.strip() if colon else None, name.strip()
        if not equals or not self.name or (colon and self.family not in FAMILIES):
            raise ValueError(f"write [FAMILY:]NAME=VALUE, FAMILY being one of {', '.join(FAMILIES)}")
        if not self.name.isprintable() or self.name == "json":
            raise ValueError("a name is printable, and not 'json', which makes Jenkins ignore all others")
        if self.name == "delay":
            raise ValueError("a name is not 'delay', which would replace ours, by which identical triggers are one")
        return self
