"""One instance of a production variant: its container, kept alive, with the requests that are in flight on it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from local.sagemaker.containers import INVOCATION_SECONDS, HostingContainer
from local.sagemaker.host import Host, remove_folder
from local.sagemaker.images import Image
from local.sagemaker.invocation import ContainerAnswer, Invocation
from local.sagemaker.logs import ENDPOINTS


class State(Enum):
    """Of an instance. `UNHEALTHY` is being restarted; `FAILED` never comes back."""

    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class VariantPlan:
    """A production variant as it is to run. `startup_seconds` is its ContainerStartupHealthCheckTimeoutInSeconds."""

    name: str
    image: Image
    environment: Mapping[str, str]
    count: int
    weight: float
    startup_seconds: int


class Instance:
    """Starts a container, watches it in a thread of its own, and starts it again when it ends by itself."""

    def __init__(self, *, host: Host, endpoint_name: str, plan: VariantPlan) -> None:
        self._host = host
        self._plan = plan
        self.instance_id = f"i-{secrets.token_hex(8)}"
        self._folder = host.folder / "endpoints" / endpoint_name / self.instance_id
        self._write = host.logs.writer(group=f"{ENDPOINTS}/{endpoint_name}", stream=f"{plan.name}/{self.instance_id}")
        self._changed = threading.Condition()
        self._state = State.STARTING
        self._in_flight = 0
        self._deadline = 0.0
        self._leaving = threading.Event()
        self._container: HostingContainer | None = None
        self._thread = threading.Thread(target=self._supervise, name=self.instance_id, daemon=True)
        self._thread.start()

    @property
    def state(self) -> State:
        """How it is now."""
        with self._changed:
            return self._state

    @property
    def pid(self) -> int:
        """The container's process id; 0 when there is none."""
        container = self._container
        return 0 if container is None else container.process.pid

    def wait_started(self) -> bool:
        """Wait until the first health check has passed or never will; returns whether it passed."""
        with self._changed:
            self._changed.wait_for(lambda: self._state is not State.STARTING)
            return self._state is State.HEALTHY

    def take(self) -> bool:
        """Reserve a place for one request; False when this instance takes none. Give it back with `release`."""
        with self._changed:
            if self._state is not State.HEALTHY or self._leaving.is_set():
                return False
            self._in_flight += 1
            return True

    def release(self) -> None:
        """Give a reserved place back."""
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()

    def invoke(self, invocation: Invocation) -> ContainerAnswer:
        """Send one request; the caller holds a place.

        Raises:
            NotReachedError: when the container has just died.
        """
        container = self._container
        assert container is not None
        return container.invoke(invocation)

    def terminate(self, *, drain_seconds: float = INVOCATION_SECONDS, grace_seconds: float | None = None) -> None:
        """Take no more requests, let those in flight finish, then end the container and remove its folder."""
        with self._changed:
            self._leaving.set()
            self._changed.wait_for(lambda: self._in_flight == 0, drain_seconds)
            container = self._container
        if container is not None:
            grace = self._host.timing.grace_seconds if grace_seconds is None else grace_seconds
            container.process.stop(grace_seconds=grace)
        self._thread.join()
        remove_folder(self._folder)

    def _supervise(self) -> None:
        timing = self._host.timing
        starts, restarts = 0, -1
        while not self._leaving.is_set():
            starts += 1
            if self._start_until_healthy():
                starts, restarts = 0, restarts + 1
                self._serve_until_exit()
                if restarts == timing.restarts:
                    break
            elif starts == timing.start_attempts or self._timed_out():
                break
        self._set(State.STOPPED if self._leaving.is_set() else State.FAILED)

    def _start_until_healthy(self) -> bool:
        timing = self._host.timing
        self._deadline = time.monotonic() + self._plan.startup_seconds * timing.startup_scale
        container = self._start()
        if container is None:
            return False
        while not container.process.exited.wait(timing.poll_seconds):
            if container.healthy() and not container.process.exited.is_set():
                return True
            if self._timed_out():
                container.process.stop(grace_seconds=timing.grace_seconds)
        return False

    def _start(self) -> HostingContainer | None:
        # Under the condition: `terminate` sees either the container or, in here, the wish to end.
        with self._changed:
            if self._leaving.is_set():
                return None
            try:
                self._container = HostingContainer(
                    host=self._host,
                    image=self._plan.image,
                    environment=self._plan.environment,
                    folder=self._folder,
                    on_line=self._write,
                )
            except OSError as error:
                self._write(f"container could not be started: {error}")
                return None
            return self._container

    def _timed_out(self) -> bool:
        return time.monotonic() >= self._deadline

    def _serve_until_exit(self) -> None:
        assert self._container is not None
        self._set(State.HEALTHY)
        self._container.process.exited.wait()
        self._set(State.UNHEALTHY)

    def _set(self, state: State) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()
