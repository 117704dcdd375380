"""Roll to a new version, refuse a damaged one, change infrastructure alone, and come exactly back."""

from __future__ import annotations

import json

import yaml

from local.demo.caller import Answer, SteadyClient
from local.demo.clouds import Clouds, wait_for
from local.demo.first_release import (
    ENDPOINT,
    ENDPOINT_LOGS,
    INFERENCE,
    Promoted,
    check_answer,
    short_id,
)
from local.demo.founding import short
from local.demo.story import Step, require
from local.demo.world import MODEL, World
from local.registry.standard import models_repository
from local.registry.tamper import flip_byte

STACK = INFERENCE.replace("/", "-")
OWN_FILE = "classifier.safetensors"
WATCHER_SECONDS = 60.0


def roll(world: World, step: Step, *, old: Promoted, new: Promoted) -> None:
    """Deploy a promoted version while a client calls all the time: no request may fail."""
    with _steady(world) as client:
        done = world.cdk_of("prod").deploy(INFERENCE)
    outcome = done.outcomes[STACK]
    failures = "; ".join(map(str, outcome.failures))
    require(outcome.status == "UPDATE_COMPLETE", f"{outcome.status}: {failures} (see {done.log.name})")
    tally = client.tally
    require(not tally.failures, f"requests failed during the roll: {tally.failures[:3]}")
    require(list(tally.answers) == [old.version, new.version], f"answers came from {dict(tally.answers)}")
    step.proved(f"UPDATE_COMPLETE while a client called: {tally.text()}")
    answer = check_answer(world, promoted=new)
    step.proved(f"{ENDPOINT} answers with {answer.version}, labels {json.dumps(answer.body.get('labels'))}")


def refuse(world: World, step: Step, *, serving: Promoted, damaged: Promoted) -> None:
    """Flip one byte of a promoted version's weights in prod's storage, deploy it, and see it refused on every ring."""
    clouds = Clouds(world.aws)
    path = f"models/{MODEL}/{damaged.version}/{OWN_FILE}"
    place = flip_byte(folder=world.registry.folder, repository=models_repository("prod"), path=path)
    step.proved(f"byte {place} of {models_repository('prod')}/{path} flipped in storage after the promotion")
    config = _config(world)
    with _steady(world) as client:
        done = world.cdk_of("prod").deploy(INFERENCE)
        wait_for(
            "the watcher to set the release id back",
            lambda: True if clouds.release_id(environment="prod", model=MODEL) == serving.release_id else None,
            seconds=WATCHER_SECONDS,
        )
    outcome = done.outcomes[STACK]
    require(outcome.status == "UPDATE_ROLLBACK_COMPLETE", f"the stack is {outcome.status} (see {done.log.name})")
    cause = outcome.failures[0]
    require("EndpointAssertion" in cause.resource_type, f"what failed first is {cause}")
    step.proved(f"{outcome.status}; cause: {cause.resource_type}: {cause.reason[:200]}")
    refusals = list(clouds.log_events(ENDPOINT_LOGS, name="refused"))
    require(any(event["rule"] == "refused.integrity" for event in refusals), f"the containers said {refusals[-1:]}")
    step.proved(f"log group {ENDPOINT_LOGS}: {refusals[-1]['rule']!s}: {str(refusals[-1]['message'])[:160]}")
    found = clouds.sagemaker.describe_endpoint(EndpointName=ENDPOINT)
    state = (found["EndpointStatus"], found["EndpointConfigName"])
    require(state == ("InService", config), f"the endpoint is {state}, served {config} before")
    step.proved(f"the endpoint is InService on the config that served before; {client.tally.text()}")
    _require_only(client, serving)
    step.proved(f"the watcher set the release id back to {short_id(serving.release_id)} and marked the failed one")
    check_answer(world, promoted=serving)


def change_infrastructure(world: World, step: Step, *, serving: Promoted) -> None:
    """Deploy a change of an alarm's threshold alone: the model stays."""
    path = world.environments / "prod.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["models"][0]["endpoint"]["alarms"]["server_errors_per_minute"] = 3
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    with _steady(world) as client:
        outcome = world.cdk_of("prod").deploy(INFERENCE).outcomes[STACK]
    require(outcome.status == "UPDATE_COMPLETE", f"{outcome.status}: {'; '.join(map(str, outcome.failures))}")
    changed = {event.logical_id for event in outcome.events if event.resource_type == "AWS::CloudWatch::Alarm"}
    require(changed, "no alarm was changed")
    _require_only(client, serving)
    step.proved(f"an alarm's threshold changed, UPDATE_COMPLETE; {client.tally.text()}")


def come_back(world: World, step: Step, *, first: Promoted, answered: Answer, serving: Promoted) -> None:
    """Roll back to the first version: the endpoint gives the very answer that it gave then."""
    done = world.weighbridge(
        "promote", MODEL, "--env", "prod", "--environments", str(world.environments), "--rollback-to", first.version,
        identity="promoter",
    )  # fmt: skip
    require(done["release"] == first.release, f"rolled back to {done['release']}, not to {first.release}")
    step.proved(f"promotion {short_id(str(done['release_id']))} with reason {done['reason']}, signed")
    with _steady(world) as client:
        outcome = world.cdk_of("prod").deploy(INFERENCE).outcomes[STACK]
    require(outcome.status == "UPDATE_COMPLETE", f"{outcome.status}: {'; '.join(map(str, outcome.failures))}")
    require(not client.tally.failures, f"requests failed on the way back: {client.tally.failures[:3]}")
    require(list(client.tally.answers) == [serving.version, first.version], f"{dict(client.tally.answers)}")
    again = check_answer(world, promoted=first)
    require(again.body == answered.body, "the first version gives another answer than before")
    step.proved(f"{client.tally.text()}")
    step.proved(f"release {short(first.release)} serves again and gives the very numbers that it gave at first")


def _steady(world: World) -> SteadyClient:
    return SteadyClient(make_runtime=Clouds(world.aws).runtime, endpoint=ENDPOINT)


def _config(world: World) -> str:
    return Clouds(world.aws).sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]


def _require_only(client: SteadyClient, serving: Promoted) -> None:
    tally = client.tally
    require(not tally.failures, f"requests failed: {tally.failures[:3]}")
    require(list(tally.answers) == [serving.version], f"answers came from {dict(tally.answers)}")
