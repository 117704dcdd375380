"""Version 1.0.0: a pretrained model from the hub proxy to an endpoint that answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from local.demo.caller import Answer, ask
from local.demo.founding import LOCK, short
from local.demo.story import Step, require
from local.demo.world import HUB_MODEL, MODEL, MODEL_FILES, Identity, World
from local.registry.standard import HUB, INCOMING, models_repository
from weighbridge.logs import CORRELATION, correlation_id
from weighbridge.names import ReleaseId
from weighbridge.release import files_in, hash_file

FIRST = "1.0.0"
ENDPOINT = f"weighbridge-prod-{MODEL}"
INFERENCE = f"weighbridge-prod/inference-{MODEL}"
ENDPOINT_LOGS = f"/aws/sagemaker/Endpoints/{ENDPOINT}"


@dataclass(frozen=True, slots=True)
class Promoted:
    """What `weighbridge promote` said: the release digest, and the release id that the environment was pointed at."""

    version: str
    release: str
    release_id: str


def pull_base(world: World, step: Step) -> Path:
    """Pull the pinned base model with huggingface_hub through the proxy; again with the hub stopped."""
    first, second = world.folder / "base", world.folder / "base-again"
    expected = {path: hash_file(file).digest.hex for path, file in files_in(MODEL_FILES).items()}
    for folder in (first, second):
        found = json.loads(
            world.hub_python(
                "examples/base_model/pull.py", HUB_MODEL, world.hub.revision, folder,
                variables={
                    "HF_ENDPOINT": f"{world.registry.url}/api/huggingfaceml/{HUB}",
                    "HF_TOKEN": world.registry.token("scientist"),
                    "HF_HUB_DISABLE_XET": "1",
                    "HF_HUB_DISABLE_TELEMETRY": "1",
                    "HF_HOME": str(world.folder / f"hf-home-{folder.name}"),
                },
            )
        )  # fmt: skip
        digests = {path: entry["sha256"] for path, entry in found.items()}
        require(digests == expected, f"the proxy gave other files than the hub has: {sorted(digests)}")
        if folder == first:
            total = sum(entry["size"] for entry in found.values())
            step.proved(
                f"{HUB_MODEL} at {short(world.hub.revision)}: {len(found)} files, {total / 1e6:.0f} MB, all equal"
            )
            world.hub.stop()
    step.proved("with the hub stopped, a second pull in a fresh cache gave the same bytes from the proxy's cache")
    return first


def register_first(world: World, step: Step, *, base: Path) -> str:
    """Upload with frogml as a scientist, register as the registrar; return the release digest."""
    uploaded = world.weighbridge(
        "upload", str(base), f"{MODEL}:{FIRST}", "--env", "dev", "--environments", str(world.environments),
        "--base-model", f"{HUB_MODEL}@{world.hub.revision}", identity="scientist", environment="hub",
    )  # fmt: skip
    step.proved(
        f"frogml logged {uploaded['files']} files into {INCOMING}; each was read back and compared byte for byte"
    )
    done = world.weighbridge(
        "register", f"{MODEL}:{FIRST}", "--env", "dev", "--environments", str(world.environments),
        "--image", world.aws.image("inference"), "--lock", str(LOCK), identity="registrar",
    )  # fmt: skip
    step.proved(
        f"release {short(str(done['release']))}: manifest written, provenance signed with the registrar's KMS key"
    )
    return str(done["release"])


def inspect_first(world: World, step: Step) -> None:
    """Promote without an inspection: refused. Inspect as the inspector, who signs the verdict."""
    model = (f"{MODEL}:{FIRST}", "--env", "dev", "--environments", str(world.environments))
    refused = world.try_weighbridge("promote", *model, identity="promoter")
    require(refused.returncode == 4 and "signed by inspector" in refused.stderr, f"promoted: {refused.stderr}")
    step.proved(
        "promoting it before its inspection was refused: the channel's policy requires the inspector's statement"
    )
    done = world.weighbridge("inspect", "--release", *model, "--sign", identity="inspector")
    files = done["files"]
    require(done["verdict"] == "clean" and isinstance(files, list), f"inspection: {done}")
    assert isinstance(files, list)
    formats = sorted({str(file["format"]) for file in files})
    step.proved(f"{len(files)} files inspected ({', '.join(formats)}): clean, signed with the inspector's KMS key")


def promote(world: World, step: Step, *, version: str, to: str, identity: Identity = "promoter") -> Promoted:
    """Promote a version into the channel of the environment `to`."""
    model = f"{MODEL}:{version}"
    done = world.weighbridge(
        "promote", model, "--env", to, "--environments", str(world.environments), identity=identity
    )
    promoted = Promoted(version=version, release=str(done["release"]), release_id=str(done["release_id"]))
    held = world.clouds.release_id(environment=to, model=MODEL)
    require(held == promoted.release_id, f"the release id of {to} is {held}, promoted was {promoted.release_id}")
    step.proved(f"{model} in {to}: promotion {short_id(promoted.release_id)} signed, release id set in SSM")
    return promoted


def check_copies(world: World, step: Step) -> None:
    """Compare what lies in prod with what the base model's own files hash to."""
    promoted = world.weighbridge(
        "pull", MODEL, "--env", "prod", "--environments", str(world.environments), "--to", str(world.folder / "pulled"),
        identity="reader",
    )  # fmt: skip
    digests = {path: hash_file(file).digest for path, file in files_in(world.folder / "pulled").items()}
    base = {path: hash_file(file).digest for path, file in files_in(MODEL_FILES).items()}
    kept = {path: digest for path, digest in base.items() if path in digests}
    require(digests == kept and digests, "what was pulled from prod is not the base model")
    step.proved(f"{models_repository('prod')} gives {promoted['files']} files, byte for byte the base model's")


def deploy_endpoint(world: World, step: Step, *, promoted: Promoted) -> Answer:
    """Deploy the inference stack of prod with the CDK CLI; the endpoint answers with the promoted release."""
    before = world.registry.last_request()
    done = world.cdk_of("prod").deploy(INFERENCE)
    outcome = done.outcomes["weighbridge-prod-inference-minilm"]
    failures = "; ".join(map(str, outcome.failures))
    require(outcome.succeeded, f"{outcome.name}: {outcome.status}: {failures} (see {done.log.name})")
    require(promoted.release in outcome.outputs["ReleaseReference"], f"resolved: {outcome.outputs['ReleaseReference']}")
    called = list(world.clouds.log_events(function_logs(world, INFERENCE, "Resolver"), name="answered"))
    require(called and called[-1]["status"] == "SUCCESS", "the resolver's function left no line that it answered")
    requests = world.registry.requests(since=before)
    refused = [request for request in requests if request.status not in (200, 206, 404)]
    require(not refused, f"the registry refused {refused}")
    step.proved(f"{outcome.status}: the resolver's function answered {called[-1]['request_type']} with SUCCESS")
    step.proved(f"{len(requests)} requests to the registry in all, by the resolver and two containers")
    answer = check_answer(world, promoted=promoted)
    body = answer.body.get("embeddings")
    require(isinstance(body, list) and len(body) == 2, "the endpoint gave no embeddings")
    step.proved(f"{ENDPOINT} answered: version {answer.version}, release {short(answer.release)} in its headers")
    _check_correlation(world, promoted=promoted)
    return answer


def _check_correlation(world: World, *, promoted: Promoted) -> None:
    """Require that resolver, assertion and both containers wrote of this promotion under one id."""
    wanted = correlation_id(ReleaseId.parse(promoted.release_id))
    places = {
        "resolver": (function_logs(world, INFERENCE, "Resolver"), "resolved"),
        "assertion": (function_logs(world, INFERENCE, "Checker"), "answered"),
        "containers": (ENDPOINT_LOGS, "loaded"),
    }
    for who, (group, event) in places.items():
        found = [line.get(CORRELATION) for line in world.clouds.log_events(group, name=event)]
        require(wanted in found, f"{who}: no line {event!r} bears the correlation id {wanted}: {found}")


def check_answer(world: World, *, promoted: Promoted) -> Answer:
    """Ask the endpoint, and require that the promoted release answers."""
    answer = ask(world.clouds.runtime(), endpoint=ENDPOINT)
    found, wanted = (answer.version, answer.release), (promoted.version, promoted.release)
    require(found == wanted, f"{found} answered, not {wanted}")
    return answer


def function_logs(world: World, stack: str, function: str) -> str:
    """Return the log group of one of a stack's functions, by the name of its construct."""
    return world.clouds.resource(stack.replace("/", "-"), kind="AWS::Logs::LogGroup", part=function)


def short_id(release_id: str) -> str:
    """Return a release id as people recognize it."""
    sequence, _, digest = release_id.partition("@")
    return f"{sequence}@{short(digest)}"
