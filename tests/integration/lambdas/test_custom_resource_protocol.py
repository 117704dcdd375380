"""CloudFormation is answered in every case, in time, with one small document and no secret."""

from __future__ import annotations

import io
import threading

import pytest
from cloudformation_caller import SECRET, STACK_ID, Context, ResponseBucket

from weighbridge.customresource import (
    Action,
    AnswerChannel,
    Attributes,
    Deadline,
    Event,
    answer_event,
    failed,
    parse_event,
    succeeded,
)
from weighbridge.errors import CloudError, InputError, RevokedError
from weighbridge.logs import JsonLog


class Log:
    """Both streams of a function's log."""

    def __init__(self) -> None:
        self.text = io.StringIO()
        self.log = JsonLog(out=self.text, err=self.text)


def perform(
    document: dict[str, object], action: Action, *, context: Context | None = None, log: Log | None = None
) -> None:
    answer_event(
        document,
        context or Context(),
        action=action,
        log=(log or Log()).log,
        channel=AnswerChannel(base=0.0, sleep=lambda _: None),
    )


def give(**attributes: str | int) -> Action:
    def action(event: Event, deadline: Deadline) -> Attributes:
        return attributes

    return action


def refuse(error: BaseException) -> Action:
    def action(event: Event, deadline: Deadline) -> Attributes:
        raise error

    return action


def test_a_success_carries_the_attributes_and_names_its_request(bucket: ResponseBucket) -> None:
    perform(bucket.event("Create", {}), give(Version="1.0.0", StartupTimeoutSeconds=302))
    assert bucket.last == {
        "Status": "SUCCESS",
        "Reason": "OK",
        "PhysicalResourceId": "weighbridge-PromotedModelRelease0A1B",
        "StackId": STACK_ID,
        "RequestId": "request-1",
        "LogicalResourceId": "PromotedModelRelease0A1B",
        "NoEcho": False,
        "Data": {"Version": "1.0.0", "StartupTimeoutSeconds": 302},
    }


def test_the_put_goes_to_the_presigned_url_without_a_content_type(bucket: ResponseBucket) -> None:
    perform(bucket.event("Create", {}), give())
    (answer,) = bucket.answers
    assert answer.path.endswith(f"/answers/arn%3Aaws%3Acloudformation?{SECRET}"), "a presigned path is not rewritten"
    assert answer.headers["Content-Type"] == ""
    assert answer.headers["Content-Length"] == str(len(answer.data))
    assert "Authorization" not in answer.headers


def test_the_answer_goes_past_every_proxy(bucket: ResponseBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    perform(bucket.event("Create", {}), give())
    assert bucket.last["Status"] == "SUCCESS"


def test_the_physical_id_stays_what_cloudformation_knows(bucket: ResponseBucket) -> None:
    perform(bucket.event("Update", {}, physical_id="made-by-an-older-version"), give())
    assert bucket.last["PhysicalResourceId"] == "made-by-an-older-version"


def test_delete_succeeds_and_does_nothing(bucket: ResponseBucket) -> None:
    event = bucket.event("Delete", {}, physical_id="whatever")
    event["ResourceProperties"] = "not even a map"
    perform(event, refuse(AssertionError("nothing may be done")))
    assert (bucket.last["Status"], bucket.last["PhysicalResourceId"]) == ("SUCCESS", "whatever")


def test_a_refusal_is_one_line_with_its_rule(bucket: ResponseBucket) -> None:
    perform(bucket.event("Create", {}), refuse(RevokedError("minilm is revoked:\n promote another")))
    assert bucket.last["Status"] == "FAILED"
    assert bucket.last["Reason"] == "minilm is revoked: promote another [refused.revoked]"
    assert bucket.last["Data"] == {}


def test_a_long_reason_is_cut(bucket: ResponseBucket) -> None:
    perform(bucket.event("Create", {}), refuse(RevokedError("ä" * 5000)))
    assert len(bucket.answers[-1].data) < 4096
    assert str(bucket.last["Reason"]).endswith("...")


@pytest.mark.parametrize("error", [ZeroDivisionError("1/0"), SystemExit(3), KeyboardInterrupt(), MemoryError()])
def test_an_error_of_our_own_is_answered_too(bucket: ResponseBucket, error: BaseException) -> None:
    perform(bucket.event("Update", {}), refuse(error))
    assert bucket.last["Status"] == "FAILED"
    assert type(error).__name__ in str(bucket.last["Reason"])


def test_attributes_that_cloudformation_would_not_read_are_a_failure(bucket: ResponseBucket) -> None:
    perform(bucket.event("Create", {}), give(Version="x" * 4096))
    assert bucket.last["Status"] == "FAILED"
    assert "CloudFormation reads 4096" in str(bucket.last["Reason"])


def test_what_hangs_is_answered_before_the_time_runs_out(bucket: ResponseBucket) -> None:
    release = threading.Event()
    done = threading.Event()

    def hang(event: Event, deadline: Deadline) -> Attributes:
        release.wait()
        done.set()
        return {"Version": "too late"}

    perform(bucket.event("Create", {}), hang, context=Context(milliseconds=17_100))
    assert bucket.last["Status"] == "FAILED"
    assert "not done before the function's time ran out" in str(bucket.last["Reason"])
    release.set()
    assert done.wait(10)
    assert len(bucket.answers) == 1, "the late result is not sent"


def test_the_time_that_is_left_is_what_the_context_says_less_the_answer() -> None:
    channel = AnswerChannel()
    deadline = Deadline(context=Context(milliseconds=120_000), reserve=channel.longest_seconds)
    assert 90 < deadline.seconds_left() < 110


def test_an_answer_is_repeated_until_it_is_taken(bucket: ResponseBucket) -> None:
    bucket.statuses = [503, 500]
    perform(bucket.event("Create", {}), give(Version="1.0.0"))
    assert len(bucket.answers) == 3
    assert len({answer.data for answer in bucket.answers}) == 1


def test_an_answer_that_is_never_taken_makes_lambda_repeat(bucket: ResponseBucket) -> None:
    bucket.statuses = [503] * 3
    log = Log()
    with pytest.raises(CloudError, match=r"took no answer to request request-1 \(503\)") as error:
        perform(bucket.event("Create", {}), give(), log=log)
    assert SECRET not in str(error.value)


def test_a_refused_answer_is_not_repeated(bucket: ResponseBucket) -> None:
    bucket.statuses = [403]
    with pytest.raises(CloudError, match="403"):
        perform(bucket.event("Create", {}), give())
    assert len(bucket.answers) == 1


def test_nobody_listening_names_no_url() -> None:
    with ResponseBucket() as gone:
        event = gone.event("Create", {})
    log = Log()
    with pytest.raises(CloudError, match="ConnectionError") as error:
        perform(event, give(), log=log)
    assert SECRET not in f"{error.value!r} {log.text.getvalue()}"


def test_no_log_line_holds_the_url(bucket: ResponseBucket) -> None:
    log = Log()
    event = bucket.event("Create", {})
    perform(event, refuse(ValueError("boom")), log=log)
    perform(event, give(), log=log)
    assert "answered" in log.text.getvalue()
    assert SECRET not in log.text.getvalue()
    assert SECRET not in repr(parse_event(event))


@pytest.mark.parametrize("url", ["http://example.com/x", "ftp://127.0.0.1/x", "", None, 3, "https://", "http://[::1"])
def test_an_answer_goes_over_https_only(bucket: ResponseBucket, url: object) -> None:
    with pytest.raises(InputError, match="ResponseURL"):
        parse_event({**bucket.event("Create", {}), "ResponseURL": url})


@pytest.mark.parametrize("field", ["RequestType", "RequestId", "StackId", "LogicalResourceId"])
@pytest.mark.parametrize("value", [None, 1, "", "a\nb"])
def test_an_event_that_cannot_be_answered_names_the_field(bucket: ResponseBucket, field: str, value: object) -> None:
    with pytest.raises(InputError, match=field):
        parse_event({**bucket.event("Create", {}), field: value})


@pytest.mark.parametrize("value", [None, 7, ["a"], "", "a\nb", "x" * 2049])
def test_a_malformed_property_is_answered_by_its_name(bucket: ResponseBucket, value: object) -> None:
    def read(event: Event, deadline: Deadline) -> Attributes:
        return {"ModelName": event.text("ModelName")}

    perform(bucket.event("Create", {"ModelName": value}), read)
    assert bucket.last["Status"] == "FAILED"
    assert str(bucket.last["Reason"]).startswith("ResourceProperties.ModelName: ")


def test_old_properties_may_have_any_shape(bucket: ResponseBucket) -> None:
    assert parse_event({**bucket.event("Update", {}), "OldResourceProperties": ["?"]}).old_properties == {}
    assert parse_event(bucket.event("Update", {}, old={"A": "b"})).old_properties["A"] == "b"


def test_statuses(bucket: ResponseBucket) -> None:
    event = parse_event(bucket.event("Create", {}))
    assert succeeded(event).status == "SUCCESS"
    assert failed(event, "").status == "FAILED", "a failure without a reason is still one"
