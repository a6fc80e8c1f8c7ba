"""What the loopback Test Observer keeps: groups of test executions, and the rerun request that a group may have."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone

from test_executions_rerunner.demo.wire import dump_json

FAMILIES = ("snap", "deb", "charm", "image", "solution")
FIELDS: dict[str, object] = {
    "family": "snap",
    "priority": 0,
    "archived": False,
    "artefact_status": "UNDECIDED",
    "artefact_name": "core22",
    "test_plan": "com.canonical.certification::client-cert",
    "environment": "rpi4",
    "environment_architecture": "arm64",
    "build_architecture": "arm64",
}
_STAGES = {"snap": "beta", "deb": "proposed", "charm": "candidate", "image": "pending", "solution": ""}
_LONG_AGO = 1_767_225_600.0


@dataclass(slots=True, eq=False)
class Execution:
    """A test execution.

    Attributes:
        id: Its number; a stranger's value where a test wants one.
        ci_link: Its link.
        created_at: When it was made, in true seconds since 1970.
        links: Its relevant links, as they are shown.
        events: What its status updates told, as it is shown.
        status: What became of its test.
    """

    id: object = None
    ci_link: object = None
    created_at: float = _LONG_AGO
    links: list[dict[str, object]] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)
    status: object = "IN_PROGRESS"


@dataclass(slots=True, eq=False)
class ExecutionGroup:
    """The executions of one test plan, artefact build and environment: at most one request is queued for them.

    Attributes:
        serial: The row's number: the last part of the queue's order.
        executions: Its test executions, oldest first: the newest one shows.
        created_at: When its request was queued, in true seconds since 1970, or a raw value that is shown as it stands.
        fields: The values of ``FIELDS``.
        overrides: Top-level values shown instead of the true ones.
        without: Names of top-level fields left out, as an older Test Observer does.
        raw: Shown instead of everything else, where ``is_raw``.
        is_raw: Whether ``raw`` is the entry.
    """

    serial: int
    executions: list[Execution]
    created_at: object = 0.0
    fields: dict[str, object] = field(default_factory=dict)
    overrides: dict[str, object] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    raw: object = None
    is_raw: bool = False
    _encoded: tuple[float, bytes] | None = None

    @property
    def newest(self) -> Execution:
        """The execution that shows."""
        return self.executions[-1]

    @property
    def order(self) -> tuple[int, float, int]:
        """The place in the queue: priority descending, then age, then row."""
        priority = self.fields.get("priority", 0)
        created = self.created_at
        return (
            -priority if isinstance(priority, int) else 0,
            created if isinstance(created, float | int) else 0.0,
            self.serial,
        )

    def changed(self) -> None:
        """Show what was changed from now on: an entry becomes JSON once."""
        self._encoded = None

    def encoded(self, skew_seconds: float) -> bytes:
        """Return the queue's entry as JSON, on a clock that is ``skew_seconds`` ahead."""
        if self._encoded is None or self._encoded[0] != skew_seconds:
            self._encoded = (skew_seconds, dump_json(self.value(skew_seconds)))
        return self._encoded[1]

    def value(self, skew_seconds: float) -> object:
        """Return the queue's entry as GET shows it, on a clock that is ``skew_seconds`` ahead."""
        if self.is_raw:
            return self.raw
        created_at = self.created_at
        if isinstance(created_at, float | int):
            created_at = timestamp(created_at + skew_seconds)
        family = self.fields["family"]
        value: dict[str, object] = {
            "test_execution_id": self.newest.id,
            "ci_link": self.newest.ci_link,
            "family": family,
            "test_execution": self._test_execution(skew_seconds),
            "artefact": self._artefact(skew_seconds),
            "artefact_build": {
                "id": self.serial,
                "architecture": self.fields["build_architecture"],
                # Only snaps, charms and solutions have a revision.
                "revision": None if family in ("deb", "image") else 1,
            },
            "priority": self.fields["priority"],
            "created_at": created_at,
        }
        value |= self.overrides
        for name in self.without:
            value.pop(name, None)
        return value

    def _test_execution(self, skew_seconds: float) -> dict[str, object]:
        return {
            "id": self.newest.id,
            "ci_link": self.newest.ci_link,
            "c3_link": None,
            "relevant_links": self.newest.links,
            "environment": {
                "id": self.serial,
                "name": self.fields["environment"],
                "architecture": self.fields["environment_architecture"],
            },
            "status": self.newest.status,
            "artefact": "core22",
            "test_plan": self.fields["test_plan"],
            "created_at": timestamp(self.newest.created_at + skew_seconds),
            "execution_metadata": {},
            "is_triaged": True,
            "is_rerun_requested": True,
            "rerun_priority": self.fields["priority"],
        }

    def _artefact(self, skew_seconds: float) -> dict[str, object]:
        empty = ("branch", "series", "repo", "source", "os", "release", "owner", "sha256", "image_url", "comment")
        family = self.fields["family"]
        return {
            "id": self.serial,
            "name": self.fields["artefact_name"],
            "version": "1.0",
            "track": "22",
            "store": "ubuntu",
            **dict.fromkeys(empty, ""),
            "stage": _STAGES.get(str(family), ""),
            "family": family,
            "status": self.fields["artefact_status"],
            "archived": self.fields["archived"],
            "reviewers": [],
            "due_date": None,
            "created_at": timestamp(_LONG_AGO + skew_seconds),
            "bug_link": "",
            "jira_issue": None,
            "all_environment_reviews_count": 1,
            "completed_environment_reviews_count": 0,
            "bundled_builds": [],
            "assignee": None,
        }


def timestamp(seconds: float) -> str:
    """Return a time as Test Observer writes it: UTC without a zone, the fraction left out where it is 0."""
    return datetime.fromtimestamp(seconds, timezone.utc).replace(tzinfo=None).isoformat()
