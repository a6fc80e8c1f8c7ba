#!/usr/bin/env bash
# urllib3 2.8.0: a connection that is reset in its TLS handshake counts as a *read* error.
#
# Retry(connect=2, read=0) means: try to connect again, never repeat a request that may have been read. Of a handshake
# that the server cuts off (it restarts, a load balancer has no backend), no byte of the request has been sent, and yet
# neither `connect` nor `other` applies: a POST is tried once. It is repeated only by `read` together with
# `allowed_methods`, which would repeat a POST that was read as well. A refused connection is a connect error.
#
# Seen on 2026-11-27:
#   refused, connect=2: MaxRetryError after 3 attempts
#   reset in the handshake, connect=2: ProtocolError after 1 attempt
#   reset in the handshake, other=2: ProtocolError after 1 attempt
#   reset in the handshake, read=2 for all methods: MaxRetryError after 3 attempts
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages urllib3==2.8.0

shows venv/bin/python - <<'PYTHON'
import socket
import struct
import threading
from unittest import mock

import urllib3

NOTHING = {"total": None, "connect": 0, "read": 0, "redirect": 0, "status": 0, "other": 0}


def post(port, **retries):
    pool = urllib3.PoolManager(retries=urllib3.Retry(**{**NOTHING, **retries}))
    connect = mock.patch("urllib3.util.connection.create_connection", wraps=urllib3.util.connection.create_connection)
    with connect as attempts:
        try:
            pool.request("POST", f"https://127.0.0.1:{port}/", timeout=30)
        except urllib3.exceptions.HTTPError as error:
            count = attempts.call_count
            return f"{type(error).__name__} after {count} attempt{'s' * (count > 1)}"


def serve(listener):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


with socket.socket() as bound:
    bound.bind(("127.0.0.1", 0))
    print("refused, connect=2:", post(bound.getsockname()[1], connect=2))
with socket.create_server(("127.0.0.1", 0)) as listener:
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    port = listener.getsockname()[1]
    print("reset in the handshake, connect=2:", post(port, connect=2))
    print("reset in the handshake, other=2:", post(port, other=2))
    print("reset in the handshake, read=2 for all methods:", post(port, read=2, allowed_methods=None))
    listener.shutdown(socket.SHUT_RDWR)
PYTHON
