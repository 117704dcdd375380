"""Make each call to moto atomic, as AWS makes it: moto checks a condition and writes in two steps, without a lock."""

from __future__ import annotations

import threading
from typing import TypeVar

from botocore.client import BaseClient

Client = TypeVar("Client", bound=BaseClient)


def atomic(client: Client) -> Client:
    """Return `client`, whose calls from several threads go one after the other."""
    lock = threading.Lock()
    call = client._make_api_call

    def one_at_a_time(operation: str, parameters: object) -> object:
        with lock:
            return call(operation, parameters)

    client._make_api_call = one_at_a_time
    return client
