"""Before the first model: keys, settings, channels, stacks and tokens, as a platform team would set them up."""

from __future__ import annotations

from pathlib import Path

import yaml

from local.aws.settings import TwinEnvironment, reader_secret, write_settings
from local.demo.story import DemoError, Step, require
from local.demo.world import MODEL, World
from local.process import ROOT
from weighbridge.release import hash_file

UNPINNED = f"sha256:{'0' * 64}"
TRAINING_SECRET = "weighbridge/dev/artifactory-training"  # noqa: S105 - a name
REGISTRAR_SECRET = "weighbridge/dev/artifactory-registrar"  # noqa: S105 - a name
LOCK = ROOT / "locks" / "serve.txt"


def found_channels(world: World, step: Step) -> None:
    """Create keys, write the settings of dev and prod, and found both channels with the command line."""
    clouds = world.clouds
    registrar = clouds.signing_key("registrar: signs provenance")
    inspector = clouds.signing_key("inspector: signs inspections")
    roots = {}
    for name, before in (("dev", None), ("prod", "dev")):
        for role in ("root", "targets", "revocations"):
            world.weighbridge("channel", "keygen", str(world.keys / f"{name}-{role}.pem"), identity="promoter")
        online = clouds.signing_key(f"{name}: snapshot and timestamp")
        keys = {
            "root": [_key_file(world, f"{name}-root")],
            "targets": _key_file(world, f"{name}-targets"),
            "promoters": [clouds.signing_key(f"{name}: promoter")],
            "registrar": registrar,
            "inspector": inspector,
            "revocations": _key_file(world, f"{name}-revocations"),
            "snapshot": online,
            "timestamp": online,
        }
        write_settings(
            [
                TwinEnvironment(
                    name=name,
                    root_digest=UNPINNED,
                    models=(MODEL,),
                    promote_from=before,
                    instance_count=2 if name == "prod" else 1,
                    trust={"ledger": f"sqlite:{world.folder / 'ledger.sqlite'}", "keys": keys},
                    training=_training(world) if before is None else None,
                )
            ],
            folder=world.environments,
            registry_url=world.registry.url,
            scope=world.aws.scope,
        )
        made = world.weighbridge(
            "channel", "init", "--env", name, "--environments", str(world.environments), "--update-settings",
            identity="promoter",
        )  # fmt: skip
        roots[name] = str(made["root_digest"])
        pinned = _read(world.environments / f"{name}.yaml")["channel"]
        require(isinstance(pinned, dict) and pinned["root_digest"] == roots[name], f"{name}: the root is not pinned")
    for name, root in roots.items():
        step.proved(f"channel {name}: TUF root {short(root)} pinned in environments/{name}.yaml")


def deploy_foundations(world: World, step: Step) -> None:
    """Bootstrap and deploy what comes before inference, for dev and prod, with the unmodified CDK CLI."""
    world.cdk.bootstrap()
    stacks = [f"weighbridge-dev/{name}" for name in ("network", "registry", "governance", "training")]
    stacks += [f"weighbridge-prod/{name}" for name in ("network", "registry", "governance")]
    done = world.cdk.deploy(*stacks)
    for name, outcome in done.outcomes.items():
        failures = "; ".join(map(str, outcome.failures))
        require(outcome.status == "CREATE_COMPLETE", f"{name}: {outcome.status}: {failures} (see {done.log.name})")
    step.proved(f"{len(done.outcomes)} stacks CREATE_COMPLETE: {', '.join(sorted(done.outcomes))}")
    for name in ("dev", "prod"):
        table = done.outcomes[f"weighbridge-{name}-governance"].outputs["SequencesTable"]
        _set_ledger(world.environments / f"{name}.yaml", ledger=f"dynamodb:{table}")
    _put_tokens(world)
    step.proved("tokens put into Secrets Manager by hand; templates hold their ids")


def short(digest: str) -> str:
    """Return a digest as people recognize it."""
    return digest[:19] + "…" if digest.startswith("sha256:") else digest[:12] + "…"


def _training(world: World) -> dict[str, object]:
    return {
        "runtime_image": world.aws.image("inference"),
        "runtime_lock": str(hash_file(LOCK).digest),
        "training_secret": TRAINING_SECRET,
        "registrar_secret": REGISTRAR_SECRET,
    }


def _put_tokens(world: World) -> None:
    secrets = {
        reader_secret("dev"): "reader",
        reader_secret("prod"): "reader",
        TRAINING_SECRET: "scientist",
        REGISTRAR_SECRET: "registrar",
        "weighbridge/dev/artifactory-inspector": "inspector",
        "weighbridge/dev/artifactory-keeper": "keeper",
        "weighbridge/prod/artifactory-keeper": "keeper",
    }
    client = world.clouds.secrets
    for secret_id, user in secrets.items():
        client.put_secret_value(SecretId=secret_id, SecretString=world.registry.token(user))


def _key_file(world: World, name: str) -> str:
    return f"file:{world.keys / name}.pem"


def _read(path: Path) -> dict[str, object]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise DemoError(f"{path.name} holds no mapping")
    return found


def _set_ledger(path: Path, *, ledger: str) -> None:
    document = _read(path)
    trust = document["trust"]
    assert isinstance(trust, dict)
    trust["ledger"] = ledger
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
