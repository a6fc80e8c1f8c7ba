"""Writes what an image holds, Debian's packages and Python's, as SPDX 2.3; it runs inside of that image.

    docker run --rm --interactive --entrypoint python NAME@DIGEST - NAME@DIGEST < .github/sbom.py

It needs nothing but Python, since the image has nothing else.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_SAID = "NOASSERTION"
DPKG = Path("/var/lib/dpkg/status")
_INSTALLED = "install ok installed"


class Package(NamedTuple):
    """One package of an image."""

    kind: str
    """The type of its package URL: deb, pypi or generic."""
    name: str
    version: str
    qualifiers: str = ""
    """The end of its package URL."""
    licence: str = NOT_SAID
    """An SPDX expression, where the package says one."""

    @property
    def url(self) -> str:
        """The package URL."""
        space = "debian/" if self.kind == "deb" else ""
        return f"pkg:{self.kind}/{space}{quote(self.name)}@{quote(self.version)}{self.qualifiers}"

    def as_spdx(self) -> dict[str, object]:
        """Return it as SPDX describes a package."""
        identity = re.sub(r"[^A-Za-z0-9.-]", "-", f"SPDXRef-{self.kind}-{self.name}-{self.version}")
        return {
            "SPDXID": identity,
            "name": self.name,
            "versionInfo": self.version,
            "downloadLocation": NOT_SAID,
            "filesAnalyzed": False,
            "licenseConcluded": NOT_SAID,
            "licenseDeclared": self.licence,
            "copyrightText": NOT_SAID,
            "externalRefs": [
                {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": self.url}
            ],
        }


def debian_packages(status: str) -> Iterator[Package]:
    """Read the packages that are installed out of dpkg's file of states."""
    for paragraph in status.split("\n\n"):
        fields = dict(re.findall(r"^([\w-]+): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status") == _INSTALLED:
            architecture = f"?arch={quote(fields['Architecture'])}"
            yield Package("deb", fields["Package"], fields["Version"], architecture)


def python_packages() -> Iterator[Package]:
    """Return Python itself, and what is installed for it."""
    yield Package("generic", "python", platform.python_version())
    for found in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower()
        yield Package(
            "pypi", name, found.version, licence=str(found.metadata.json.get("license_expression") or NOT_SAID)
        )


def document(image: str, packages: list[Package]) -> dict[str, object]:
    """Return the whole document.

    Args:
        image: The image with its digest, ``ghcr.io/owner/repo@sha256:…``.
        packages: What it holds.
    """
    name, _, digest = image.partition("@")
    described = [package.as_spdx() for package in sorted(packages)]
    root = {**Package("oci", name.rpartition("/")[2], digest).as_spdx(), "SPDXID": "SPDXRef-image"}
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": image,
        "documentNamespace": f"https://spdx.org/spdxdocs/{quote(image, safe='')}",
        "creationInfo": {
            "created": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: .github/sbom.py"],
        },
        "packages": [root, *described],
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": root["SPDXID"]}
        ]
        + [
            {"spdxElementId": root["SPDXID"], "relationshipType": "CONTAINS", "relatedSpdxElement": each["SPDXID"]}
            for each in described
        ],
    }


if __name__ == "__main__":
    held = [*debian_packages(DPKG.read_text(encoding="utf-8")), *python_packages()]
    sys.stdout.write(json.dumps(document(sys.argv[1], held), indent=1) + "\n")
