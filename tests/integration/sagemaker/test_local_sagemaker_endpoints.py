"""The endpoint's state machine, with real processes behind it."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from local_sagemaker_world import FAST, World, runs, variant, wait_for

from local.sagemaker.errors import AwsError
from local.sagemaker.invocation import Invocation

PING = "The primary container for production variant primary did not pass the ping health check."


def test_created_endpoint_serves_and_its_lines_are_in_its_log_group(tmp_path: Path) -> None:
    lines: list[tuple[str, str, str]] = []
    world = World(tmp_path, log=lambda *line: lines.append(line))
    with world.service:
        check_created_endpoint(world)
    streams = {stream for group, stream, _ in lines if group == "/aws/sagemaker/Endpoints/e"}
    assert len(streams) == 2
    assert all(stream.startswith("primary/i-") for stream in streams)


def check_created_endpoint(world: World) -> None:
    world.add_config("one", InitialInstanceCount=2)
    assert world.serve("one") == "InService"
    assert world.version() == "one"
    described = world.describe()
    assert described["EndpointConfigName"] == "one"
    assert described["EndpointArn"] == "arn:aws:sagemaker:eu-central-1:000000000000:endpoint/e"
    assert "FailureReason" not in described
    shown = described["ProductionVariants"][0]
    assert shown["CurrentInstanceCount"] == shown["DesiredInstanceCount"] == 2
    assert shown["DeployedImages"][0]["ResolvedImage"] == world.image.reference


def test_failed_create_is_failed_for_good_and_the_reason_is_in_the_log_only(world: World) -> None:
    world.add_config("bad", environment={"MODE": "refuse"})
    world.add_config("good")
    assert world.serve("bad") == "Failed"
    described = world.describe()
    assert str(described["FailureReason"]).startswith(PING)
    assert "refused" not in str(described["FailureReason"])
    assert '{"event": "refused", "rule": "refused.integrity"}' in world.log()
    with pytest.raises(AwsError, match="can only be deleted"):
        world.update("good")
    with pytest.raises(AwsError, match="not found") as refused:
        world.version()
    assert refused.value.code == "ValidationError"
    world.service.call("DeleteEndpoint", {"EndpointName": "e"})
    assert world.service.wait_endpoint("e") == "Deleted"
    with pytest.raises(AwsError, match="Could not find endpoint"):
        world.describe()


def test_failed_update_goes_on_with_the_old_config(world: World) -> None:
    world.add_config("one")
    world.add_config("bad", environment={"MODE": "refuse"})
    world.add_config("two")
    world.serve("one")
    before = world.service.container_pids("e")
    assert world.update("bad") == "InService"
    described = world.describe()
    assert described["EndpointConfigName"] == "one"
    assert str(described["FailureReason"]).startswith(PING)
    assert '{"event": "refused", "rule": "refused.integrity"}' in world.log()
    assert world.version() == "one"
    assert world.service.container_pids("e") == before
    assert world.update("two") == "InService"
    assert "FailureReason" not in world.describe()
    assert world.version() == "two"


def test_container_that_never_gets_ready_fails_within_its_time_out(tmp_path: Path) -> None:
    world = World(tmp_path, timing=replace(FAST, startup_scale=0.005))
    with world.service:
        world.add_config("slow", environment={"MODE": "never-ready"})
        assert world.serve("slow") == "Failed"


def test_slow_start_is_waited_for(world: World, tmp_path: Path) -> None:
    world.add_config("one")
    world.add_config("slow", environment={"READY_WHEN": str(tmp_path / "ready")})
    world.serve("one")
    world.service.call("UpdateEndpoint", {"EndpointName": "e", "EndpointConfigName": "slow"})
    wait_for(lambda: sum(line == "starting " for line in world.log()) == 2)
    described = world.describe()
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("Updating", "one")
    assert described["PendingDeploymentSummary"]["EndpointConfigName"] == "slow"
    assert world.version() == "one"
    for call in (
        lambda: world.update("one"),
        lambda: world.service.call("DeleteEndpoint", {"EndpointName": "e"}),
        lambda: world.service.restart_instance("e"),
    ):
        with pytest.raises(AwsError, match="Cannot update in-progress endpoint"):
            call()
    (tmp_path / "ready").touch()
    assert world.service.wait_endpoint("e") == "InService"
    assert world.version() == "slow"
    assert "PendingDeploymentSummary" not in world.describe()


@pytest.mark.parametrize(
    "routing",
    [
        None,
        {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 100},
        {"Type": "CANARY", "WaitIntervalInSeconds": 300, "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}},
        {"Type": "LINEAR", "WaitIntervalInSeconds": 100, "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 25}},
    ],
)
def test_client_that_calls_all_the_time_sees_no_failure(world: World, routing: dict[str, object] | None) -> None:
    world.add_config("one", InitialInstanceCount=2)
    world.add_config("two", InitialInstanceCount=2)
    world.serve("one")
    answers: list[str | None] = []
    failures: list[BaseException] = []
    done = threading.Event()

    def call() -> None:
        while not done.is_set():
            try:
                answers.append(world.version())
            except BaseException as error:
                failures.append(error)

    clients = [threading.Thread(target=call) for _ in range(4)]
    for client in clients:
        client.start()
    wait_for(lambda: len(answers) > 50)
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 120}
    deployment = {} if routing is None else {"DeploymentConfig": {"BlueGreenUpdatePolicy": policy}}
    old = world.service.container_pids("e")
    assert world.update("two", **deployment) == "InService"
    switched = len(answers)
    wait_for(lambda: len(answers) > switched + 50)
    done.set()
    for client in clients:
        client.join()
    assert failures == []
    assert set(answers) == {"one", "two"}
    assert set(answers[switched + len(clients) :]) == {"two"}
    assert not any(runs(pid) for pid in old)
    assert world.log().count("stopped gracefully") == 2


def test_new_fleet_that_breaks_down_under_its_first_traffic_is_taken_back(tmp_path: Path) -> None:
    world = World(tmp_path, timing=replace(FAST, time_scale=1.0))
    with world.service:
        world.add_config("one", InitialInstanceCount=2)
        world.add_config("two", environment={"CRASH_WHEN": str(tmp_path / "crash")}, InitialInstanceCount=2)
        world.serve("one")
        size = {"Type": "INSTANCE_COUNT", "Value": 1}
        routing = {"Type": "CANARY", "WaitIntervalInSeconds": 3600, "CanarySize": size}
        deployment = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
        request = {"EndpointName": "e", "EndpointConfigName": "two", "DeploymentConfig": deployment}
        world.service.call("UpdateEndpoint", request)
        wait_for(lambda: world.version() == "two")
        assert [world.version() for _ in range(20)].count("two") == 10
        (tmp_path / "crash").touch()
        assert world.service.wait_endpoint("e") == "InService"
        described = world.describe()
        assert described["EndpointConfigName"] == "one"
        assert str(described["FailureReason"]).startswith(PING)
        assert {world.version() for _ in range(10)} == {"one"}


def test_request_in_flight_on_the_old_fleet_finishes_before_it_ends(world: World, tmp_path: Path) -> None:
    files = {"ARRIVED": str(tmp_path / "arrived"), "RELEASE": str(tmp_path / "release")}
    world.add_config("one", environment=files)
    world.add_config("two")
    world.serve("one")
    results: list[str | None] = []
    slow = threading.Thread(
        target=lambda: results.append(world.service.invoke_endpoint("e", Invocation(body=b"wait")).custom_attributes)
    )
    slow.start()
    wait_for((tmp_path / "arrived").exists)
    world.service.call("UpdateEndpoint", {"EndpointName": "e", "EndpointConfigName": "two"})
    wait_for(lambda: world.version() == "two")
    assert world.describe()["EndpointStatus"] == "Updating"
    (tmp_path / "release").touch()
    slow.join()
    assert results == ["one"]
    assert world.service.wait_endpoint("e") == "InService"


def test_container_that_crashes_is_restarted_a_few_times(world: World) -> None:
    world.add_config("one", InitialInstanceCount=2)
    world.serve("one")
    before = world.service.container_pids("e")
    with pytest.raises(AwsError) as crashed:
        world.service.invoke_endpoint("e", Invocation(body=b"crash"))
    assert (crashed.value.code, crashed.value.fields["OriginalStatusCode"]) == ("ModelError", 0)
    wait_for(lambda: world.log().count("starting ") == 3)
    assert [world.version() for _ in range(10)] == ["one"] * 10
    wait_for(lambda: world.describe()["ProductionVariants"][0]["CurrentInstanceCount"] == 2)
    after = world.service.container_pids("e")
    assert len(set(before) & set(after)) == 1


def test_endpoint_whose_only_container_keeps_crashing_is_unavailable(world: World) -> None:
    world.add_config("one")
    world.serve("one")

    def crash() -> bool:
        with contextlib.suppress(AwsError):
            world.service.invoke_endpoint("e", Invocation(body=b"crash"))
        return world.log().count("starting ") == 3

    wait_for(crash)
    wait_for(lambda: crash() and world.service.container_pids("e") and not runs(world.service.container_pids("e")[0]))
    with pytest.raises(AwsError) as refused:
        world.version()
    assert (refused.value.code, refused.value.status) == ("ServiceUnavailable", 503)


def test_container_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    world = World(tmp_path, timing=replace(FAST, grace_seconds=0.2))
    world.add_config("stubborn", environment={"MODE": "ignore-sigterm"})
    world.add_config("two")
    with world.service:
        world.serve("stubborn")
        old = world.service.container_pids("e")
        assert world.update("two") == "InService"
        assert not any(runs(pid) for pid in old)


def test_deleted_config_does_harm(world: World) -> None:
    world.add_config("one", InitialInstanceCount=2)
    world.add_config("two")
    world.serve("one")
    world.service.call("DeleteEndpointConfig", {"EndpointConfigName": "one"})
    assert world.version() == "one"
    with pytest.raises(AwsError, match="Could not find endpoint configuration"):
        world.update("two")
    world.service.restart_instance("e")
    assert world.service.wait_endpoint("e") == "InService"
    assert len(world.service.container_pids("e")) == 1
    assert "FailureReason" in world.describe()


def test_replaced_instance_serves_the_same_config(world: World) -> None:
    world.add_config("one", InitialInstanceCount=2)
    world.serve("one")
    before = world.service.container_pids("e")
    world.service.restart_instance("e", index=1)
    assert world.service.wait_endpoint("e") == "InService"
    after = world.service.container_pids("e")
    assert (after[0], after[1] == before[1], len(after)) == (before[0], False, 2)
    assert world.version() == "one"


def test_instance_count_is_kept_when_variant_properties_are_retained(world: World) -> None:
    world.add_config("one", InitialInstanceCount=2)
    world.add_config("two", InitialInstanceCount=1)
    world.serve("one")
    world.update("two", RetainAllVariantProperties=True)
    assert len(world.service.container_pids("e")) == 2
    world.update("one")
    world.update("two")
    assert len(world.service.container_pids("e")) == 1


def test_describe_is_consistent_while_everything_changes(world: World) -> None:
    world.add_config("one")
    world.add_config("two")
    world.serve("one")
    seen: set[tuple[object, object, bool]] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            found = world.describe()
            seen.add((found["EndpointStatus"], found["EndpointConfigName"], "PendingDeploymentSummary" in found))

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    world.update("two")
    done.set()
    for looker in lookers:
        looker.join()
    assert seen <= {
        ("InService", "one", False),
        ("Updating", "one", True),
        ("Updating", "two", False),
        ("InService", "two", False),
    }
    assert ("Updating", "one", True) in seen


def test_two_variants_share_the_traffic_by_weight_and_can_be_asked_for(world: World) -> None:
    world.add_config("one")
    world.add_config("two")
    variants = [variant("one", VariantName="a", InitialVariantWeight=3), variant("two", VariantName="b")]
    world.service.call("CreateEndpointConfig", {"EndpointConfigName": "both", "ProductionVariants": variants})
    world.serve("both")
    answers = [world.version() for _ in range(40)]
    assert (answers.count("one"), answers.count("two")) == (30, 10)
    asked = world.service.invoke_endpoint("e", Invocation(body=b"", target_variant="b"))
    assert (asked.custom_attributes, asked.variant) == ("two", "b")
    with pytest.raises(AwsError, match="Variant c not found"):
        world.service.invoke_endpoint("e", Invocation(body=b"", target_variant="c"))


def test_deleted_endpoint_leaves_no_process_and_frees_its_name(world: World) -> None:
    world.add_config("one", InitialInstanceCount=2)
    world.serve("one")
    pids = world.service.container_pids("e")
    world.service.call("DeleteEndpoint", {"EndpointName": "e"})
    assert world.service.wait_endpoint("e") == "Deleted"
    assert not any(runs(pid) for pid in pids)
    assert list((world.folder / "sagemaker" / "endpoints" / "e").iterdir()) == []
    assert world.serve("one") == "InService"
