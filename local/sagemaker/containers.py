"""One hosting container: a process under the contract of "How Amazon SageMaker AI Runs Your Inference Image"."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from local.sagemaker.host import Host, remove_folder
from local.sagemaker.images import Image
from local.sagemaker.invocation import ContainerAnswer, Invocation
from local.sagemaker.processes import ManagedProcess

PING_SECONDS = 2.0
INVOCATION_SECONDS = 60.0
TIMED_OUT = b"Your invocation timed out while waiting for a response from container primary."
NO_ANSWER = b"The container closed the connection without an answer."


class NotReachedError(Exception):
    """The request never reached the container; another one may take it."""


class HostingContainer:
    """`docker run IMAGE serve` with an /opt/ml of its own, on a free port of the loopback interface."""

    def __init__(
        self,
        *,
        host: Host,
        image: Image,
        environment: Mapping[str, str],
        folder: Path,
        on_line: Callable[[str], None],
    ) -> None:
        """Start the container below `folder`, which is its own and starts empty.

        Raises:
            OSError: when the program cannot be executed.
        """
        remove_folder(folder / "ml")
        (folder / "ml" / "model").mkdir(parents=True)
        self._port = _free_port()
        self.process = ManagedProcess(
            command=host.images.command(image, argument="serve"),
            folder=host.images.unpacked(image),
            environment={
                **host.container_environment(image=image, own=environment, folder=folder),
                "SAGEMAKER_BIND_TO_PORT": str(self._port),
                "WEIGHBRIDGE_BIND_HOST": "127.0.0.1",
            },
            on_line=on_line,
            watchdog=host.watchdog,
        )

    def healthy(self) -> bool:
        """Whether /ping answers 200 within two seconds."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PING_SECONDS)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def invoke(self, invocation: Invocation) -> ContainerAnswer:
        """Send POST /invocations and return the answer, whatever its status.

        Raises:
            NotReachedError: when nothing listens.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=INVOCATION_SECONDS)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise NotReachedError from error
            connection.request("POST", "/invocations", body=invocation.body, headers=invocation.headers())
            response = connection.getresponse()
            return ContainerAnswer(
                status=response.status,
                body=response.read(),
                content_type=response.getheader("Content-Type"),
                custom_attributes=response.getheader("X-Amzn-SageMaker-Custom-Attributes"),
            )
        except TimeoutError:
            return ContainerAnswer(status=0, body=TIMED_OUT)
        except (OSError, http.client.HTTPException):
            return ContainerAnswer(status=0, body=NO_ANSWER)
        finally:
            connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
