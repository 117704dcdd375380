"""Where containers' lines go: a file of each log stream, and the caller's sink (CloudWatch Logs in the twin)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

ENDPOINTS = "/aws/sagemaker/Endpoints"
TRAINING_JOBS = "/aws/sagemaker/TrainingJobs"

LogSink = Callable[[str, str, str], None]
"""Called with log group, log stream and one line without its end, from many threads."""


class Logs:
    """Writes every line to `folder`/GROUP/STREAM.log and hands it to `sink`."""

    def __init__(self, *, folder: Path, sink: LogSink) -> None:
        self._folder = folder
        self._sink = sink
        self._lock = threading.Lock()

    def writer(self, *, group: str, stream: str) -> Callable[[str], None]:
        """Return what takes the lines of one stream."""
        path = self._path(group) / f"{stream}.log"
        path.parent.mkdir(parents=True, exist_ok=True)

        def write(line: str) -> None:
            self._append(path, line)
            try:
                self._sink(group, stream, line)
            except Exception as error:
                # The container must not stall or die because its log could not be handed on.
                self._append(path, f"[log sink failed: {type(error).__name__}: {error}]")

        return write

    def lines(self, group: str) -> list[str]:
        """Return every line of a log group, stream by stream."""
        found: list[str] = []
        for path in sorted(self._path(group).rglob("*.log")):
            found += path.read_text(encoding="utf-8").splitlines()
        return found

    def _path(self, group: str) -> Path:
        return self._folder / group.removeprefix("/")

    def _append(self, path: Path, line: str) -> None:
        with self._lock, path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
