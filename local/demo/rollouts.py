"""Roll to a new version, refuse a damaged one, change infrastructure alone, and come exactly back."""

from __future__ import annotations

import json
from collections.abc import Mapping

import yaml

from local.aws.stacks import StackOutcome
from local.demo.caller import Answer, SteadyClient
from local.demo.clouds import wait_for
from local.demo.first_release import (
    ENDPOINT,
    ENDPOINT_LOGS,
    INFERENCE,
    Promoted,
    check_answer,
    function_logs,
    short_id,
)
from local.demo.founding import short
from local.demo.served import check_parameter, failed_reason, served_files
from local.demo.story import Step, require
from local.demo.world import MODEL, World
from local.registry.standard import models_repository
from local.registry.tamper import flip_byte
from weighbridge.names import Digest

STACK = INFERENCE.replace("/", "-")
OWN_FILE = "classifier.safetensors"
WATCHER_SECONDS = 60.0
ALARM = f"{ENDPOINT}-ServerErrors"
THRESHOLD = 3


def roll(world: World, step: Step, *, old: Promoted, new: Promoted) -> None:
    """Deploy a promoted version while a client calls all the time: no request may fail."""
    config = _config(world)
    with _steady(world) as client:
        outcome = world.cdk_as_synthesized().deploy(INFERENCE).outcomes[STACK]
    _require_updated(outcome)
    tally = client.tally
    require(not tally.failures, f"requests failed during the roll: {tally.failures[:3]}")
    require(list(tally.answers) == [old.version, new.version], f"answers came from {dict(tally.answers)}")
    step.proved(f"UPDATE_COMPLETE while a client called: {tally.text()}")
    rolled = _config(world)
    require(rolled != config, f"the endpoint is still on {config}")
    answer = check_answer(world, promoted=new)
    step.proved(
        f"{ENDPOINT} went from {config} to {rolled} and answers with {answer.version}, "
        f"labels {json.dumps(answer.body.get('labels'))}"
    )


def refuse(world: World, step: Step, *, serving: Promoted, damaged: Promoted) -> None:
    """Flip one byte of a promoted version's weights in prod's storage, deploy it, and see it refused on every ring."""
    path = f"models/{MODEL}/{damaged.version}/{OWN_FILE}"
    place = flip_byte(folder=world.registry.folder, repository=models_repository("prod"), path=path)
    step.proved(f"byte {place} of {models_repository('prod')}/{path} flipped in storage after the promotion")
    config = _config(world)
    with _steady(world) as client:
        outcome = world.cdk_as_synthesized().deploy(INFERENCE).outcomes[STACK]
        wait_for(
            "the watcher to set the release id back",
            lambda: True if world.clouds.release_id(environment="prod", model=MODEL) == serving.release_id else None,
            seconds=WATCHER_SECONDS,
        )
    _check_rolled_back(step, outcome)
    _check_refusals(world, step, path=path)
    _check_on(world, config=config)
    _require_only(client, serving)
    step.proved(f"the endpoint is InService on the config that served before; {client.tally.text()}")
    _check_watcher(world, step, serving=serving, damaged=damaged)
    check_answer(world, promoted=serving)
    check_parameter(world, promoted=serving)
    step.proved(f"weighbridge resolve --from-parameter gives {serving.version}, the version that answers")


def change_infrastructure(world: World, step: Step, *, serving: Promoted) -> None:
    """Deploy a change of an alarm's threshold alone: the model stays."""
    path = world.environments / "prod.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["models"][0]["endpoint"]["alarms"]["server_errors_per_minute"] = THRESHOLD
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    config, before = _config(world), world.clouds.alarm_thresholds(ENDPOINT)[ALARM]
    with _steady(world) as client:
        outcome = world.cdk_of("prod").deploy(INFERENCE).outcomes[STACK]
    _require_updated(outcome)
    after = world.clouds.alarm_thresholds(ENDPOINT)[ALARM]
    require(before != after == THRESHOLD, f"the threshold of {ALARM} was {before} and is {after}")
    _check_on(world, config=config)
    _require_only(client, serving)
    step.proved(f"{ALARM} rings at {after:g} instead of {before:g}, UPDATE_COMPLETE; the endpoint stays on {config}")
    check_parameter(world, promoted=serving)
    step.proved(f"{client.tally.text()}; the release id is still that of {serving.version}")


def come_back(
    world: World, step: Step, *, first: Promoted, answered: Answer, files: Mapping[str, Digest], serving: Promoted
) -> None:
    """Roll back to the first version: the very files are loaded that were then, and give the very answer."""
    done = world.weighbridge(
        "promote", MODEL, "--env", "prod", "--environments", str(world.environments), "--rollback-to", first.version,
        identity="promoter",
    )  # fmt: skip
    require(done["release"] == first.release, f"rolled back to {done['release']}, not to {first.release}")
    back = Promoted(version=first.version, release=first.release, release_id=str(done["release_id"]))
    require(done["reason"] == "rollback" and back.release_id != first.release_id, f"promoted: {done}")
    step.proved(f"promotion {short_id(back.release_id)} with reason {done['reason']}, signed")
    with _steady(world) as client:
        outcome = world.cdk_as_synthesized().deploy(INFERENCE).outcomes[STACK]
    _require_updated(outcome)
    require(not client.tally.failures, f"requests failed on the way back: {client.tally.failures[:3]}")
    require(list(client.tally.answers) == [serving.version, first.version], f"{dict(client.tally.answers)}")
    step.proved(f"UPDATE_COMPLETE while a client called: {client.tally.text()}")
    again = check_answer(world, promoted=back)
    require(again.body == answered.body, "the first version gives another answer than before")
    held = served_files(world)
    require(held == files, "the containers hold other files than at first")
    step.proved(
        f"release {short(first.release)} serves again: {len(held)} files in each container hash to what they hashed to "
        "at first, and it gives the very numbers that it gave then"
    )
    check_parameter(world, promoted=back)


def _require_updated(outcome: StackOutcome) -> None:
    require(outcome.status == "UPDATE_COMPLETE", f"{outcome.status}: {'; '.join(map(str, outcome.failures))}")


def _check_rolled_back(step: Step, outcome: StackOutcome) -> None:
    require(outcome.status == "UPDATE_ROLLBACK_COMPLETE", f"the stack is {outcome.status}, not rolled back")
    cause = outcome.failures[0]
    require(cause.resource_type == "Custom::WeighbridgeEndpointAssertion", f"what failed first is {cause}")
    early = [event for event in outcome.events[: outcome.events.index(cause)] if event.status.startswith("DELETE")]
    require(not early, f"deleted before the deployment was judged: {early}")
    step.proved(f"{outcome.status}; nothing was deleted before {cause.resource_type} said: {_cut(cause.reason, 200)}")


def _check_refusals(world: World, step: Step, *, path: str) -> None:
    refusals = [event for event in world.clouds.log_events(ENDPOINT_LOGS, name="refused") if path in str(event)]
    require(refusals, f"no container said that it refuses {path} (log group {ENDPOINT_LOGS})")
    rules = {str(event["rule"]) for event in refusals}
    require(rules == {"refused.integrity"}, f"the containers refused by {sorted(rules)}")
    step.proved(f"log group {ENDPOINT_LOGS}: refused.integrity: {_cut(str(refusals[-1]['message']), 160)}")


def _check_watcher(world: World, step: Step, *, serving: Promoted, damaged: Promoted) -> None:
    lines = list(world.clouds.log_events(function_logs(world, INFERENCE, "Watcher"), name="rolled-back"))
    told = [line for line in lines if line.get("failed") == damaged.release_id and line.get("parameter_set") is True]
    require(told, f"the watcher's function did not say that it set {damaged.release_id} back: {lines}")
    reason = failed_reason(world, promoted=damaged)
    require(reason, f"{damaged.release_id} is not marked as failed in the table of acceptances")
    require(failed_reason(world, promoted=serving) is None, f"{serving.release_id} is marked as failed, and serves")
    step.proved(f"the watcher set the release id back to {short_id(serving.release_id)}")
    step.proved(f"{short_id(damaged.release_id)} is marked as failed in the table of acceptances")


def _check_on(world: World, *, config: str) -> None:
    found = world.clouds.sagemaker.describe_endpoint(EndpointName=ENDPOINT)
    state = (found["EndpointStatus"], found["EndpointConfigName"])
    require(state == ("InService", config), f"the endpoint is {state}, served {config} before")
    # A config that serves can be deleted, and the endpoint looks well until it is next touched.
    world.clouds.sagemaker.describe_endpoint_config(EndpointConfigName=config)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _steady(world: World) -> SteadyClient:
    return SteadyClient(make_runtime=world.clouds.runtime, endpoint=ENDPOINT)


def _config(world: World) -> str:
    return world.clouds.sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]


def _require_only(client: SteadyClient, serving: Promoted) -> None:
    tally = client.tally
    require(not tally.failures, f"requests failed: {tally.failures[:3]}")
    require(list(tally.answers) == [serving.version], f"answers came from {dict(tally.answers)}")
