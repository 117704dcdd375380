"""A client that calls an endpoint all the time and remembers what it was answered."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

TEXTS = ("Creates a new bucket.", "Describes the file systems of this account.")
PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: the version and the release digest that its headers name, and its body."""

    version: str
    release: str
    body: dict[str, object]


def parse_attributes(text: str) -> dict[str, str]:
    """Return `k=v;k=v` as a mapping (the header X-Amzn-SageMaker-Custom-Attributes of weighbridge's server)."""
    return dict(part.partition("=")[::2] for part in text.split(";") if "=" in part)


def ask(runtime: SageMakerRuntimeClient, *, endpoint: str, texts: tuple[str, ...] = TEXTS) -> Answer:
    """Send one request.

    Raises:
        ClientError: the endpoint answered with an error.
    """
    found = runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json", Body=json.dumps({"inputs": list(texts)}).encode()
    )
    attributes = parse_attributes(found.get("CustomAttributes", ""))
    return Answer(
        version=attributes.get("weighbridge-version", ""),
        release=attributes.get("weighbridge-release", ""),
        body=json.loads(found["Body"].read()),
    )


@dataclass(slots=True)
class Tally:
    """What a steady client saw: answers by version, in the order in which versions first answered, and failures."""

    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def served(self) -> int:
        """Requests that were answered with 200."""
        return sum(self.answers.values())

    def text(self) -> str:
        """Return the tally as a phrase."""
        by_version = ", ".join(f"{count} by {version}" for version, count in self.answers.items())
        return f"{self.served} requests answered ({by_version}), {len(self.failures)} failed"


class SteadyClient:
    """Calls from `workers` threads between entering and leaving the context. Nothing is retried."""

    def __init__(self, *, make_runtime: Callable[[], SageMakerRuntimeClient], endpoint: str, workers: int = 2) -> None:
        self.tally = Tally()
        self._make_runtime = make_runtime
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, name=f"caller-{n}") for n in range(workers)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        runtime = self._make_runtime()
        while not self._stop.is_set():
            try:
                version = ask(runtime, endpoint=self._endpoint).version
            except (ClientError, BotoCoreError) as error:
                with self._lock:
                    self.tally.failures.append(f"{type(error).__name__}: {error}")
            else:
                with self._lock:
                    self.tally.answers[version] += 1
            time.sleep(PAUSE_SECONDS)
