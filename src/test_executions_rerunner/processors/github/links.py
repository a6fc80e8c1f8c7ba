"""Links to runs of GitHub Actions: what they say, and where the API of their server is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from test_executions_rerunner.links import Origin

_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+")
_TRIGGERS = {
    ("actions", "runs", "rerun"),
    ("actions", "runs", "rerun-failed-jobs"),
    ("actions", "jobs", "rerun"),
}
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")


class RunLink(NamedTuple):
    """What a link to a run says."""

    owner: str
    repository: str
    run: str
    job: int | None = None
    """The job that it names; None: it names no job."""
    attempt: int = 1
    """The attempt that it names; without one, the first."""

    @property
    def path(self) -> str:
        """The run below the API."""
        return f"{self.repository_path}/actions/runs/{self.run}"

    @property
    def repository_path(self) -> str:
        """The repository below the API."""
        return f"/repos/{self.repository_name}"

    @property
    def repository_name(self) -> str:
        """Owner and name, as people and GitHub's own pages write them."""
        return f"{self.owner}/{self.repository}"

    @property
    def repository_key(self) -> tuple[str, str]:
        """Owner and name, the same for all links into one repository."""
        return self.owner.lower(), self.repository.lower()


class Trigger(NamedTuple):
    """What the URL of a trigger says."""

    owner: str
    repository: str
    kind: str
    """``runs`` or ``jobs``."""
    number: str
    """The id of the run or job."""
    ending: str
    """``rerun`` or ``rerun-failed-jobs``."""

    @property
    def path(self) -> str:
        """The trigger below the API."""
        return f"/repos/{self.repository_name}/actions/{self.kind}/{self.number}/{self.ending}"

    @property
    def repository_name(self) -> str:
        """Owner and name."""
        return f"{self.owner}/{self.repository}"

    @property
    def run(self) -> RunLink | None:
        """The run that is started again; None: a job is started again, and the URL does not say of which run."""
        return RunLink(self.owner, self.repository, self.number) if self.kind == "runs" else None


def read_trigger(names: tuple[str, ...]) -> Trigger | None:
    """Read ``repos/OWNER/REPO/actions/…/rerun``; None: it is something else."""
    if len(names) != 7 or names[0] != "repos" or (*names[3:5], names[6]) not in _TRIGGERS:  # noqa: PLR2004
        return None
    owner, repository, number = names[1], names[2], names[5]
    if not (_OWNER.fullmatch(owner) and _REPOSITORY.fullmatch(repository) and _NUMBER.fullmatch(number)):
        return None
    return Trigger(owner, repository, names[4], number, names[6])


def is_cloud(server: Origin) -> bool:
    """Tell whether a server is run by GitHub, and so has all of its API."""
    return server.host == "github.com" or server.host.endswith(".ghe.com")


def api_of(server: Origin) -> Origin:
    """Return the API of a GitHub server: github.com's, that of ``NAME.ghe.com``, or an Enterprise Server's."""
    if is_cloud(server):
        return server._replace(host=f"api.{server.host}")
    return server._replace(path=f"{server.path}/api/v3")


def read_run_link(names: tuple[str, ...]) -> RunLink | None:
    """Read ``OWNER/REPO/actions/runs/ID`` and what may follow; None: it is something else."""
    if len(names) < 5 or names[2:4] != ("actions", "runs"):  # noqa: PLR2004
        return None
    owner, repository, run, more = names[0], names[1], names[4], names[5:]
    if not (_OWNER.fullmatch(owner) and _REPOSITORY.fullmatch(repository) and _NUMBER.fullmatch(run)):
        return None
    attempt, job = 1, None
    if more[:1] == ("attempts",):
        if len(more) < 2 or not _NUMBER.fullmatch(more[1]):  # noqa: PLR2004
            return None
        attempt, more = int(more[1]), more[2:]
    if more[:1] == ("job",):
        if len(more) < 2 or not _NUMBER.fullmatch(more[1]):  # noqa: PLR2004
            return None
        job = int(more[1])
    # before 2023 a link ended in /jobs/N, with a number that the API no longer knows
    return None if more[:1] == ("jobs",) else RunLink(owner, repository, run, job, attempt)
