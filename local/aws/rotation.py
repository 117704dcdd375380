"""RotateSecret as Secrets Manager does it: a pending version without a value, then the function's four steps.

MiniStack copies the value and moves the label at once. Here the call answers at once, and the steps run in a thread, as on
AWS; what fails leaves AWSCURRENT where it was. https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
"""

from __future__ import annotations

import contextvars
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, MutableMapping

from local.aws.handler import JsonObject

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
PENDING = "AWSPENDING"

Invoke = Callable[[str, JsonObject], tuple[object, bool]]
Response = tuple[int, MutableMapping[str, str], bytes]
Secret = MutableMapping[str, object]


class RotationError(Exception):
    """A secret cannot be rotated, or a step of its function failed."""


class Rotation:
    """Rotates the secrets of the emulator in this process; `invoke` calls a function and waits."""

    def __init__(self, *, invoke: Invoke) -> None:
        self._invoke = invoke

    def install(self) -> None:
        """Take MiniStack's RotateSecret over, and let DescribeSecret say when the last rotation ended."""
        from ministack.services import secretsmanager

        original, describe = secretsmanager._rotate_secret, secretsmanager._describe_secret

        def rotate(data: JsonObject) -> Response:
            found = secret_of(str(data.get("SecretId")))
            arn = data.get("RotationLambdaARN") or (found or {}).get("RotationLambdaARN")
            if found is None or not arn or found.get("DeletedDate"):
                answer: Response = original(data)
                return answer
            version = self.rotate(found, function=str(arn), version=str(data.get("ClientRequestToken") or uuid.uuid4()))
            body = {"ARN": found["ARN"], "Name": found["Name"], "VersionId": version}
            return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode()

        def described(data: JsonObject) -> Response:
            status, headers, body = describe(data)
            found = secret_of(str(data.get("SecretId")))
            rotated = None if found is None else found.get("LastRotatedDate")
            if status != 200 or rotated is None:
                return status, headers, body
            return status, headers, json.dumps({**json.loads(body), "LastRotatedDate": rotated}).encode()

        secretsmanager._rotate_secret = rotate
        secretsmanager._describe_secret = described

    def configure(self, secret_id: str, *, function: str, rules: object) -> Secret:
        """Remember who rotates a secret.

        Raises:
            RotationError: when there is no such secret, or it holds no value to begin from.
        """
        found = secret_of(secret_id)
        if found is None:
            raise RotationError(f"Secrets Manager can't find the specified secret: {secret_id}")
        if not any("AWSCURRENT" in _labels(version) for version in _versions(found).values()):
            raise RotationError(f"{found['Name']}: the secret has no value, and cannot be rotated before it has one")
        found.update(RotationEnabled=True, RotationLambdaARN=function, RotationRules=rules)
        return found

    def try_out(self, secret: Secret, *, function: str) -> None:
        """Run the step testSecret with a pending version that is removed again (RotateImmediately: false).

        Raises:
            RotationError: when it fails.
        """
        version = self._pend(secret, str(uuid.uuid4()))
        try:
            self._step("testSecret", secret, function=function, version=version)
        finally:
            _versions(secret).pop(version, None)

    def rotate(self, secret: Secret, *, function: str, version: str) -> str:
        """Begin a rotation and return the id of the version that will be current."""
        self._pend(secret, version)
        context = contextvars.copy_context()
        threading.Thread(
            target=lambda: context.run(self._run, secret, function=function, version=version), daemon=True
        ).start()
        return version

    def _run(self, secret: Secret, *, function: str, version: str) -> None:
        try:
            for step in STEPS:
                self._step(step, secret, function=function, version=version)
        except RotationError as error:
            logging.getLogger(__name__).warning("%s", error)
            return
        _remove_label(secret, PENDING)
        secret["LastRotatedDate"] = int(time.time())

    def _step(self, step: str, secret: Secret, *, function: str, version: str) -> None:
        event = {"SecretId": str(secret["ARN"]), "ClientRequestToken": version, "Step": step}
        answer, failed = self._invoke(function, event)
        if failed:
            raise RotationError(f"{secret['Name']}: {step} failed: {answer}")

    def _pend(self, secret: Secret, version: str) -> str:
        _remove_label(secret, PENDING)
        _versions(secret)[version] = {
            "SecretString": None, "SecretBinary": None, "CreatedDate": int(time.time()), "Stages": [PENDING]
        }  # fmt: skip
        return version


def secret_of(secret_id: str) -> Secret | None:
    """Return the emulator's record of a secret, by name or ARN."""
    from ministack.services import secretsmanager

    found: Secret | None = secretsmanager._resolve(secret_id)[1]
    return found


def _versions(secret: Secret) -> MutableMapping[str, MutableMapping[str, object]]:
    versions = secret["Versions"]
    assert isinstance(versions, MutableMapping)
    return versions


def _labels(version: MutableMapping[str, object]) -> list[str]:
    labels = version["Stages"]
    assert isinstance(labels, list)
    return labels


def _remove_label(secret: Secret, label: str) -> None:
    for identifier, version in list(_versions(secret).items()):
        stages = _labels(version)
        if label in stages:
            stages.remove(label)
        if not stages:
            _versions(secret).pop(identifier)
