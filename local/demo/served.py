"""What really serves: the files in the running containers, the promotion that the parameter names, the marks of ids."""

from __future__ import annotations

from collections.abc import Mapping

from local.demo.first_release import ENDPOINT, Promoted
from local.demo.story import require
from local.demo.world import MODEL, World
from weighbridge.names import Digest, ReleaseId
from weighbridge.release import files_in, hash_file
from weighbridge.resolution import DynamoDbAcceptances, Scope

GOVERNANCE = "weighbridge-prod-governance"
CONTAINERS = 2


def served_files(world: World) -> Mapping[str, Digest]:
    """Return what every running container holds in /opt/ml/model, hashed anew from disk.

    Raises:
        DemoError: not all containers run, or they hold different files.
    """
    places = sorted((world.aws.folder / "sagemaker" / "endpoints" / ENDPOINT).glob("*/ml/model"))
    held = [{path: hash_file(file).digest for path, file in files_in(place).items()} for place in places]
    require(len(held) == CONTAINERS, f"{len(held)} containers run, not {CONTAINERS}")
    require(all(files == held[0] for files in held) and held[0], "the containers hold different files")
    return held[0]


def check_parameter(world: World, *, promoted: Promoted) -> None:
    """Require that what the next deployment would resolve is `promoted`, by a walk through the whole chain."""
    found = world.weighbridge(
        "resolve", MODEL, "--env", "prod", "--environments", str(world.environments), "--from-parameter",
        identity="reader",
    )  # fmt: skip
    resolved = (found["ReleaseId"], found["Version"], found["ReleaseDigest"])
    wanted = (promoted.release_id, promoted.version, promoted.release)
    require(resolved == wanted, f"the parameter resolves to {resolved}, not to {wanted}")


def failed_reason(world: World, *, promoted: Promoted) -> str | None:
    """Return why prod's table of acceptances calls a release id failed, or None where it does not."""
    table = world.clouds.resource(GOVERNANCE, kind="AWS::DynamoDB::Table", part="Acceptances")
    store = DynamoDbAcceptances(client=world.clouds.dynamodb, table=table)
    mark = store.history(Scope(channel="prod", model=MODEL)).marks.get((ReleaseId.parse(promoted.release_id), "failed"))
    return None if mark is None else mark.reason
