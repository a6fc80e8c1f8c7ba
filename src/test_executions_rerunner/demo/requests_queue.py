"""What the loopback Test Observer keeps: queued rerun requests, as JSON and in their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone

from test_executions_rerunner.demo.wire import dump_json

FAMILIES = ("snap", "deb", "charm", "image", "solution")
_STAGES = {"snap": "beta", "deb": "proposed", "charm": "candidate", "image": "pending", "solution": ""}


@dataclass(slots=True, eq=False)
class QueuedRequest:
    """One entry of the queue: a group of test executions, of which the newest one shows.

    Attributes:
        serial: The row's number: the last part of the queue's order.
        test_execution_id: The id shown; a stranger's value where a test wants one.
        ci_link: The link shown.
        created_at: When it was queued, in true seconds since 1970, or a raw value that is shown as it stands.
        fields: ``family``, ``priority``, ``environment``, and the architectures of environment and build.
        overrides: Top-level values shown instead of the true ones.
        without: Names of top-level fields left out, as an older Test Observer does.
        raw: Shown instead of everything else, where ``is_raw``.
        is_raw: Whether ``raw`` is the entry.
    """

    serial: int
    test_execution_id: object = None
    ci_link: object = None
    created_at: object = 0.0
    fields: dict[str, object] = field(default_factory=dict)
    overrides: dict[str, object] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    raw: object = None
    is_raw: bool = False
    _encoded: tuple[float, bytes] | None = None

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

    def with_priority(self, priority: int) -> None:
        """Overwrite the priority."""
        self.fields["priority"] = priority
        self._encoded = None

    def requeue(self, created_at: float) -> None:
        """Make it a new request of the same group."""
        self.created_at = created_at
        self._encoded = None

    def encoded(self, skew_seconds: float) -> bytes:
        """Return the entry as JSON, on a clock that is ``skew_seconds`` ahead."""
        if self._encoded is None or self._encoded[0] != skew_seconds:
            self._encoded = (skew_seconds, dump_json(self.value(skew_seconds)))
        return self._encoded[1]

    def value(self, skew_seconds: float) -> object:
        """Return the entry as GET shows it, on a clock that is ``skew_seconds`` ahead."""
        if self.is_raw:
            return self.raw
        created_at = self.created_at
        if isinstance(created_at, float | int):
            created_at = timestamp(created_at + skew_seconds)
        execution_created_at = timestamp(1_767_225_600 + skew_seconds)
        family = self.fields["family"]
        value: dict[str, object] = {
            "test_execution_id": self.test_execution_id,
            "ci_link": self.ci_link,
            "family": family,
            "test_execution": self._test_execution(execution_created_at),
            "artefact": _artefact(self.serial, family, execution_created_at),
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

    def _test_execution(self, created_at: str) -> dict[str, object]:
        return {
            "id": self.test_execution_id,
            "ci_link": self.ci_link,
            "c3_link": None,
            "relevant_links": [],
            "environment": {
                "id": self.serial,
                "name": self.fields["environment"],
                "architecture": self.fields["environment_architecture"],
            },
            "status": "IN_PROGRESS",
            "test_plan": "com.canonical.certification::client-cert",
            "created_at": created_at,
            "execution_metadata": {},
            "is_triaged": True,
            "is_rerun_requested": True,
            "rerun_priority": self.fields["priority"],
        }


def _artefact(number: int, family: object, created_at: str) -> dict[str, object]:
    empty = ("branch", "series", "repo", "source", "os", "release", "owner", "sha256", "image_url", "comment")
    return {
        "id": number,
        "name": "core22",
        "version": "1.0",
        "track": "22",
        "store": "ubuntu",
        **dict.fromkeys(empty, ""),
        "stage": _STAGES.get(str(family), ""),
        "family": family,
        "status": "UNDECIDED",
        "archived": False,
        "reviewers": [],
        "due_date": None,
        "created_at": created_at,
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
