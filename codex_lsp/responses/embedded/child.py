"""The process that holds the model: llama.cpp's HTTP server on loopback, until stdin ends.

`server` starts it and talks to it: one JSON line in (model, name, key, threads, context), one out
(url) once the model answers. Its stdin is its owner's pipe, so it ends with its owner, killed or
not. It is run as a file, outside of any package, so it imports nothing of ours.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from typing import IO, Any

ANSWER = 1_600
"""Tokens: a model that rambles is stopped."""


def main() -> None:
    """Serve until the owner is gone."""
    answers = _keep_stdout()
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_owner, daemon=True).start()
    server = _serve(order)
    url = server.listening_address
    _await_health(url)
    answers.write(json.dumps({"url": url}) + "\n")
    answers.flush()
    threading.Event().wait()


def _keep_stdout() -> IO[str]:
    """Our pipe to the owner, out of the reach of native code that prints to stdout."""
    kept = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(kept, "w", encoding="utf-8")


def _end_with_the_owner() -> None:
    sys.stdin.read()
    os._exit(0)  # native threads are busy and hold nothing that needs saving


def _serve(order: dict[str, Any]) -> Any:
    import xllamacpp  # noqa: PLC0415  only after the watch over the owner stands

    params = xllamacpp.CommonParams()
    params.model.path = order["model"]
    params.model_alias = {order["name"]}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [order["key"]]
    params.cors_origins = ""
    params.ui = False
    params.endpoint_slots = False
    params.n_ctx = order["context"]
    params.n_predict = ANSWER
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.cache_ram_mib = 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = order["threads"]
    params.warmup = False
    params.offline = True
    params.verbosity = 1
    return xllamacpp.Server(params)


def _await_health(url: str) -> None:
    """Until /health says yes; the owner gives up on us when that takes too long."""
    # http.client, for it asks no proxy: this must not leave the machine.
    address = url.removeprefix("http://")
    while True:
        connection = http.client.HTTPConnection(address, timeout=5)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except (OSError, http.client.HTTPException):
            pass  # not listening yet
        finally:
            connection.close()
        time.sleep(0.05)


if __name__ == "__main__":
    main()
