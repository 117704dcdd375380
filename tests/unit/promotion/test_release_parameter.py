"""The release id that deployments read: created when absent, moved forward only."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from mypy_boto3_ssm import SSMClient

from weighbridge.errors import CloudError, ConflictError, InputError, NothingPromotedError
from weighbridge.names import Digest, ReleaseId
from weighbridge.promotion import move_forward, parameter_name, read_parameter

NAME = parameter_name(environment="prod", model="minilm")


def number(sequence: int, *, of: bytes = b"promotion") -> ReleaseId:
    return ReleaseId(sequence=sequence, digest=Digest.of(of + str(sequence).encode()))


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Iterator[SSMClient]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield boto3.client("ssm", region_name="eu-central-1")


def test_it_is_created_and_moves_forward_only(ssm: SSMClient) -> None:
    assert NAME == "/weighbridge/prod/minilm/release-id"
    with pytest.raises(NothingPromotedError, match="does not exist"):
        read_parameter(client=ssm, name=NAME)
    created = move_forward(client=ssm, name=NAME, release_id=number(1))
    assert (created.before, created.after, created.changed) == (None, number(1), True)
    moved = move_forward(client=ssm, name=NAME, release_id=number(3))
    assert (moved.before, moved.after) == (number(1), number(3))
    for late in (number(2), number(3)):
        kept = move_forward(client=ssm, name=NAME, release_id=late)
        assert (kept.after, kept.changed) == (number(3), False)
    assert read_parameter(client=ssm, name=NAME) == number(3)


def test_another_channels_id_under_the_same_number_is_a_conflict(ssm: SSMClient) -> None:
    move_forward(client=ssm, name=NAME, release_id=number(1))
    with pytest.raises(ConflictError, match="another channel"):
        move_forward(client=ssm, name=NAME, release_id=number(1, of=b"other"))
    assert read_parameter(client=ssm, name=NAME) == number(1)


def test_a_value_that_is_no_release_id_is_left_alone(ssm: SSMClient) -> None:
    ssm.put_parameter(Name=NAME, Value="latest", Type="String")
    with pytest.raises(InputError, match="SSM parameter"):
        move_forward(client=ssm, name=NAME, release_id=number(1))


def test_a_later_id_set_meanwhile_is_kept(ssm: SSMClient) -> None:
    class Racing:
        exceptions = ssm.exceptions
        raced = False

        def get_parameter(self, **arguments: str) -> object:
            return ssm.get_parameter(**arguments)  # type: ignore[arg-type]

        def put_parameter(self, **arguments: object) -> object:
            if not self.raced:
                self.raced = True
                ssm.put_parameter(Name=NAME, Value=str(number(5)), Type="String")
            return ssm.put_parameter(**arguments)  # type: ignore[arg-type]

    change = move_forward(client=Racing(), name=NAME, release_id=number(2))  # type: ignore[arg-type]
    assert change.after == number(5) == read_parameter(client=ssm, name=NAME)


def test_what_ssm_refuses_is_one_line(ssm: SSMClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: str) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetParameter")

    monkeypatch.setattr(ssm, "get_parameter", refuse)
    with pytest.raises(CloudError, match="ssm:GetParameter"):
        move_forward(client=ssm, name=NAME, release_id=number(1))
