"""The values of build parameters: as we send them, as Jenkins keeps them, and as it tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from test_executions_rerunner.text import harmless, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

JsonObject: TypeAlias = "Mapping[str, Any]"
"""An object of an answer, whose shape is still to be checked."""
UNTOLD: Final = object()
"""In place of a value that Jenkins does not tell, or of a default where there is none."""
VALUE_TREE: Final = "value,jobName,number,tag,label"
"""The keys under which a value is told: most have a ``value``, a run, a Subversion tag and a label have their own."""
_MOST_SHOWN = 150
"""How many characters of what a choice offers are shown."""


def as_text(value: object) -> str:
    """Return a parameter's value as Jenkins takes it from a form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def told_value(told: JsonObject) -> object:
    """Return the value that Jenkins tells of a parameter, as it would be sent; `UNTOLD`: it tells none."""
    if "value" in told:
        return told["value"]
    if told.get("jobName") and told.get("number"):
        return f"{told['jobName']}#{told['number']}"
    return next((told[key] for key in ("tag", "label") if isinstance(told.get(key), str)), UNTOLD)


@dataclass(frozen=True)
class Definition:
    """A parameter that a job takes."""

    kind: str
    """Jenkins' name of its class, such as ``BooleanParameterDefinition``."""
    default: object = UNTOLD
    """The value that it has today where none is sent; `UNTOLD`: it has none, or Jenkins does not tell it."""
    choices: tuple[str, ...] = ()
    """What a choice offers; any other value is a 500 that names nothing."""

    def keeps_alike(self, one: object, other: object) -> bool:
        """Tell whether Jenkins keeps two values as the same; what it does not tell is like anything."""
        return UNTOLD in (one, other) or self._kept(one) == self._kept(other)

    def not_kept(self, name: str, value: object) -> str | None:
        """Say why Jenkins would not keep a value as it is sent; None: it keeps it."""
        text = as_text(value)
        if self._is_boolean and text.lower() not in {"true", "false"}:
            return f"the job's parameter {harmless(name)} is true or false, and would take {shown(value)} for false"
        if self.choices and text not in self.choices:
            offers = harmless(", ".join(self.choices), most=_MOST_SHOWN)
            return f"the job's parameter {harmless(name)} does not offer {shown(value)}, only {offers}"
        return None

    @property
    def _is_boolean(self) -> bool:
        return self.kind == "BooleanParameterDefinition"

    def _kept(self, value: object) -> str:
        """Return what is compared: a boolean is true only if it says so, a string may be trimmed."""
        text = as_text(value).lower()
        return str(text == "true") if self._is_boolean else text.strip()
