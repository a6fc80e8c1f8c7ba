"""What a certificate is checked with: read once for all connections, since reading it takes longer than many calls."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

if TYPE_CHECKING:
    import ssl

_reading = threading.Lock()


def trust(bundle: bool | str) -> ssl.SSLContext:  # noqa: FBT001 - as requests calls it
    """Return what certificates are checked with; all connections with the same certificate authorities share it.

    Args:
        bundle: The file or folder of the certificate authorities; anything else: those that requests trusts.

    Raises:
        OSError: It cannot be read.
    """
    path = Path(bundle if isinstance(bundle, str) else DEFAULT_CA_BUNDLE_PATH)
    if not path.exists():
        raise OSError(f"Could not find a suitable TLS CA certificate bundle, invalid path: {path}")
    with _reading:
        return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, changed_at: int) -> ssl.SSLContext:
    del changed_at  # a file that was changed is read again
    context = create_urllib3_context()
    if path.is_dir():
        context.load_verify_locations(capath=path)
    else:
        context.load_verify_locations(cafile=path)
    # urllib3 names the protocols again for each connection, while another thread may make one of the same context:
    # OpenSSL frees the old names then, that the other one copies
    context.set_alpn_protocols(["http/1.1"])
    context.set_alpn_protocols = _leave_named  # type: ignore[method-assign] # for that reason
    return context


def _leave_named(alpn_protocols: object) -> None:
    del alpn_protocols
