"""Links to runs of GitHub Actions: what they say, and where the API of their server is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from test_executions_rerunner.links import Origin

_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+")
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")


class RunLink(NamedTuple):
    """What a link to a run says."""

    owner: str
    repository: str
    run: str
    job: int | None = None
    """The job that it names, where it names one."""

    @property
    def path(self) -> str:
        """The run below the API."""
        return f"/repos/{self.owner}/{self.repository}/actions/runs/{self.run}"


def api_of(server: Origin) -> Origin:
    """Return the API of a GitHub server: github.com's, that of ``NAME.ghe.com``, or an Enterprise Server's."""
    if server.host == "github.com" or server.host.endswith(".ghe.com"):
        return server._replace(host=f"api.{server.host}")
    return server._replace(path=f"{server.path}/api/v3")


def read_run_link(names: tuple[str, ...]) -> RunLink | None:
    """Read ``OWNER/REPO/actions/runs/ID`` and what may follow; None: it is something else."""
    if len(names) < 5 or names[2:4] != ("actions", "runs"):  # noqa: PLR2004
        return None
    owner, repository, run, more = names[0], names[1], names[4], names[5:]
    if not (_OWNER.fullmatch(owner) and _REPOSITORY.fullmatch(repository) and _NUMBER.fullmatch(run)):
        return None
    if more[:1] == ("attempts",):
        if len(more) < 2 or not _NUMBER.fullmatch(more[1]):  # noqa: PLR2004
            return None
        more = more[2:]
    if more[:1] == ("job",):
        return RunLink(owner, repository, run, int(more[1])) if len(more) > 1 and _NUMBER.fullmatch(more[1]) else None
    # /jobs/N of before 2023 numbers a job in a way that the API does not tell any more
    return None if more[:1] == ("jobs",) else RunLink(owner, repository, run)
