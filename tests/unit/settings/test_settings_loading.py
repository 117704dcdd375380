"""Settings are read strictly: each malformed file gives one line that names file, key and fix."""

from __future__ import annotations

import dataclasses
import re
import typing
from pathlib import Path

import pytest
from hypothesis import given, strategies
from hypothesis import settings as hypothesis_settings

from weighbridge.errors import SettingsError
from weighbridge.jobs.compute import Compute
from weighbridge.settings import (
    CreatedNetwork,
    EnvironmentSettings,
    ExistingNetwork,
    IamSettings,
    load_environments,
    load_settings,
)

ROOT = Path(__file__).resolve().parents[3]
DIGEST = "sha256:" + "ab" * 32
GOOD = f"""\
environment: prod
account: "111111111111"
region: eu-central-1
channel:
  name: prod
  root_digest: {DIGEST}
registry:
  url: https://registry.example.com/artifactory
  models_repository: ml-prod-models
  records_repository: ml-prod-records
  credentials:
    secret_id: weighbridge/prod/reader
network:
  create:
    cidr: 10.40.0.0/16
    availability_zones: [eu-central-1a, eu-central-1b]
    registry_service: com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0
models:
  - name: minilm
    endpoint:
      instance_type: ml.g5.xlarge
"""


def write(folder: Path, text: str, *, name: str = "prod.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    path = write(folder, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


def edited(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    found = load_settings(write(tmp_path, GOOD))
    assert found.account == "111111111111"
    assert str(found.channel.root_digest) == DIGEST
    assert found.channel.promote_from is None
    assert found.registry.credentials.create is True
    assert found.network == CreatedNetwork(
        cidr="10.40.0.0/16",
        availability_zones=("eu-central-1a", "eu-central-1b"),
        registry_service="com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0",
    )
    assert found.log_retention_days == 365
    model = found.model("minilm")
    assert model is not None
    assert (model.endpoint.instance_count, model.endpoint.rollout.canary_instances) == (2, 1)
    assert found.model("other") is None
    assert found.trust is None


def test_settings_are_frozen(tmp_path: Path) -> None:
    found = load_settings(write(tmp_path, GOOD))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.account = "222222222222"  # type: ignore[misc]


def test_a_registry_on_this_machine_needs_no_private_link(tmp_path: Path) -> None:
    text = edited("https://registry.example.com/", "http://127.0.0.1:8081/").replace("    registry_service", "    #")
    assert load_settings(write(tmp_path, text)).registry.url == "http://127.0.0.1:8081/artifactory"


def test_a_single_instance_switches_all_at_once(tmp_path: Path) -> None:
    text = GOOD + "      instance_count: 1\n"
    assert load_settings(write(tmp_path, text)).models[0].endpoint.rollout.canary_instances is None


def test_an_existing_network_and_the_keys_are_read(tmp_path: Path) -> None:
    start, end = GOOD.index("network:"), GOOD.index("models:")
    text = (
        GOOD[:start]
        + "network:\n  existing:\n    vpc_id: vpc-0123456789abcdef0\n    availability_zones: [eu-central-1a]\n"
        + "    subnet_ids: [subnet-0123456789abcdef0]\n"
        + GOOD[end:]
        + "trust:\n  ledger: dynamodb:sequences\n  keys:\n    root: ['file:root']\n    promoters: ['awskms:alias/promoter']\n"
        + "".join(
            f"    {name}: file:{name}\n" for name in ("targets", "registrar", "revocations", "snapshot", "timestamp")
        )
    )
    found = load_settings(write(tmp_path, text))
    assert isinstance(found.network, ExistingNetwork)
    assert found.trust is not None
    assert found.trust.keys.promoters == ("awskms:alias/promoter",)
    assert found.trust.ledger == "dynamodb:sequences"


REFUSALS = [
    # what is edited, into what, the key that is named, words of the problem and of the fix
    ("region: eu-central-1", "region: eu-central-1\nreigon: x", "reigon", "unknown key", "remove it, or use one of"),
    ("  name: prod", "  name: prod\n  name: prod", "channel.name", "a second time in line 6", "keep one"),
    ('"111111111111"', "111111111111", "account", "is not text", "in quotes"),
    ('"111111111111"', "011111111111", "account", "another base", "quotes"),
    ('"111111111111"', '"1111"', "account", "'1111' is not an AWS account id", "twelve digits"),
    ("region: eu-central-1", "region: frankfurt", "region", "'frankfurt' is not an AWS region", "eu-central-1"),
    ("region: eu-central-1", "region:", "region", "is missing", "add it"),
    ("environment: prod", "environment: production", "environment", "is not the file's name", "write 'prod'"),
    (DIGEST, "sha256:abc", "channel.root_digest", "'sha256:abc' is not the digest", "64 hex"),
    (DIGEST, DIGEST.upper(), "channel.root_digest", "is not the digest", "64 hex"),
    ("  name: prod", "  name: prod\n  promote_from: prod", "channel.promote_from", "is the channel itself", "or null"),
    ("https://registry", "http://registry", "registry.url", "in the clear", "use https"),
    ("https://registry", "https://user:pw@registry", "registry.url", "is not of the form", "without user or password"),
    ("com/artifactory", "com/artifactory/", "registry.url", "is not of the form", "end it in /artifactory"),
    ("https://registry.example.com", "https://registry:port", "registry.url", "is not a URL", "https://HOST"),
    ("ml-prod-records", "ml-prod-models", "registry.records_repository", "is the models' repository", "of their own"),
    ("ml-prod-records", "ml prod", "registry.records_repository", "'ml prod' is not a repository key", "letters"),
    ("    secret_id: weighbridge/prod/reader", "    secret_id: [a]", "registry.credentials.secret_id", "not text", ""),
    ("  credentials:\n    secret_id: weighbridge/prod/reader", "  credentials: token", "registry.credentials",
     "'token' is not a mapping", "lines under it"),
    ("10.40.0.0/16", "10.40.0.1/16", "network.create.cidr", "has host bits set", "10.20.0.0/16"),
    ("10.40.0.0/16", "8.8.0.0/16", "network.create.cidr", "is not a private range", "10.20.0.0/16"),
    ("10.40.0.0/16", "10.0.0.0/8", "network.create.cidr", "is not a private range of /16 to /24", ""),
    ("eu-central-1b]", "eu-west-1b]", "network.create.availability_zones[1]", "of eu-central-1", "eu-central-1a"),
    (", eu-central-1b]", "]", "network.create.availability_zones", "holds 1 entries", "at least 2"),
    (", eu-central-1b]", ", eu-central-1a]", "network.create.availability_zones[1]", "written twice", "keep one"),
    ("a, eu-central-1b]", ", eu-central-1".join("abcdefghi") + "]", "network.create.availability_zones",
     "9 zones are too many", "2 to 8"),
    ("    registry_service: com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0\n", "",
     "network.create.registry_service", "nothing in the VPC could reach https://registry", "or use network.existing"),
    ("  create:", "  existing: {vpc_id: vpc-01234567}\n  create:", "network", "exactly one of", "keep one"),
    ("    secret_id", "    create: yes\n    secret_id", "registry.credentials.create", "YAML 1.1 boolean", "true, false"),
    ("    secret_id", "    iam: {}\n    secret_id", "registry.credentials.secret_id", "no secret where iam", "keep one"),
    ("    secret_id: weighbridge/prod/reader", "    iam: {expires_in: 60}", "registry.credentials.iam.expires_in",
     "60 is out of range", "600 to 86400"),
    ("    secret_id: weighbridge/prod/reader", "    iam: {region: here}", "registry.credentials.iam.region",
     "is not an AWS region", "give"),
    ("    secret_id", "    create: 1\n    secret_id", "registry.credentials.create", "1 is not a boolean", "true or false"),
    ("ml.g5.xlarge", "ml.g5.huge", "models[0].endpoint.instance_type", "'ml.g5.huge' is not an instance type",
     "use one such as ml.g5."),
    ("ml.g5.xlarge", "ml.c5n.xlarge", "models[0].endpoint.instance_type", "is not an instance type of SageMaker endp", ""),
    ("- name: minilm", "- name: a b", "models[0].name", "'a b' is not a legal name", "use letters"),
    ("- name: minilm", "- name: a..b", "models[0].name", "'a..b' is not a legal name", "use letters"),
    ("- name: minilm", f"- name: {'a' * 61}", "models[0].name", "is not a legal name", "at most 60"),
    ("      instance_type", "      instance_count: 0\n      instance_type", "models[0].endpoint.instance_count",
     "0 is out of range", "1 to 100"),
    ("      instance_type", "      instance_count: true\n      instance_type", "models[0].endpoint.instance_count",
     "True is not a whole number", "1 to 100"),
    ("      instance_type", "      instance_count: 1.5\n      instance_type", "models[0].endpoint.instance_count",
     "reads as a YAML float", "in quotes"),
    ("      instance_type", "      rollout: {canary_instances: 2}\n      instance_type",
     "models[0].endpoint.rollout.canary_instances", "2 of 2 instances is more than half", "lower it"),
    ("      instance_type", "      rollout: {wait_seconds: 60}\n      instance_type",
     "models[0].endpoint.rollout.wait_seconds", "end before alarms over 2 minutes can ring", "at least 180"),
    ("account:", "log_retention_days: 100\naccount:", "log_retention_days", "100 is not kept", "give one of"),
    ("account:", "image_repositories: [ubuntu:latest]\naccount:", "image_repositories[0]", "is not an ECR repository", ""),
    ("account:", "account: &a 1\nx:", "line 2, column 10", "anchors and aliases are not allowed", "correct the YAML"),
    ("account:", "account: !!python/name:os.system\nx:", "account", "reads as a YAML", "quotes"),
    ("account:", "1: 2\naccount:", "top level", "a key is not plain text", "rename it"),
    ("account:", "<<: {a: 1}\naccount:", "top level", "a key is not plain text", "rename it"),
    ("channel:", "channel: [", "line 6", "expected", "correct the YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key", "problem", "fix"), REFUSALS)
def test_malformed_settings_are_refused_in_one_line(
    tmp_path: Path, old: str, new: str, key: str, problem: str, fix: str
) -> None:
    line = refusal(tmp_path, edited(old, new))
    assert line.startswith(key)
    assert problem in line
    assert fix in line


def test_the_same_model_twice_is_refused(tmp_path: Path) -> None:
    entry = GOOD[GOOD.index("  - name") :].replace("minilm", "MiniLM")
    assert refusal(tmp_path, GOOD + entry).startswith("models[1].name: 'MiniLM' is written twice")


def test_only_the_first_channel_takes_registrations(tmp_path: Path) -> None:
    text = edited("  name: prod", "  name: prod\n  promote_from: dev")
    text = text.replace("  credentials:", "  incoming_repository: ml-incoming\n  credentials:")
    assert "only a channel with promote_from: null" in refusal(tmp_path, text)


def test_a_created_secret_takes_no_key(tmp_path: Path) -> None:
    text = GOOD.replace("reader\n", "reader\n    kms_key_arn: arn:aws:kms:eu-central-1:111111111111:key/x\n")
    assert refusal(tmp_path, text).startswith("registry.credentials.kms_key_arn: the created secret has a key")


@pytest.mark.parametrize("data", [b"", b"- a\n", b"just text", b"\xff\xfe", b"null\n", b"a: [" + b"[" * 5000, b"\x00"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "prod.yaml"
    path.write_bytes(data)
    with pytest.raises(SettingsError, match=re.escape(str(path))):
        load_settings(path)


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    assert "more than the limit" in refusal(tmp_path, "#" * (256 * 1024 + 1))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"prod\.yaml: cannot be read: No such file"):
        load_settings(tmp_path / "prod.yaml")


@given(text=strategies.text(max_size=200))
@hypothesis_settings(max_examples=60, deadline=None, derandomize=True)
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "prod.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(SettingsError):
        load_settings(path)


def test_the_shipped_environments_fit_together() -> None:
    found = load_environments(ROOT / "environments")
    assert [each.environment for each in found] == ["dev", "prod", "staging"]
    assert {each.channel.name: each.channel.promote_from for each in found} == {
        "dev": None,
        "staging": "dev",
        "prod": "staging",
    }


def test_a_folder_without_environments_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="holds no environment"):
        load_environments(tmp_path)
    with pytest.raises(SettingsError, match="is not a folder"):
        load_environments(tmp_path / "none")


def test_a_file_that_would_be_overlooked_is_refused(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, GOOD, name="dev.yml")
    with pytest.raises(SettingsError, match=r"dev\.yml: would be ignored: rename it to dev\.yaml"):
        load_environments(tmp_path)


def test_an_unknown_source_channel_is_refused(tmp_path: Path) -> None:
    write(tmp_path, edited("  name: prod", "  name: prod\n  promote_from: dev"))
    with pytest.raises(SettingsError, match=r"prod\.yaml: channel\.promote_from: no environment has the channel 'dev'"):
        load_environments(tmp_path)


def test_two_channels_cannot_share_a_repository(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    other = GOOD.replace("environment: prod", "environment: dev").replace("name: prod", "name: dev")
    write(tmp_path, other, name="dev.yaml")
    with pytest.raises(SettingsError, match=r"prod\.yaml: registry\.models_repository: .* already belongs to .*'dev'"):
        load_environments(tmp_path)


def keys_of(kind: type, *, prefix: str = "") -> set[str]:
    """Return the keys that the settings' dataclasses stand for, as docs/settings.md writes them."""
    found: set[str] = set()
    for name, hint in typing.get_type_hints(kind).items():
        nested = [
            part
            for part in (hint, *typing.get_args(hint))
            if dataclasses.is_dataclass(part) and part.__module__.startswith("weighbridge.settings")
        ]
        many = typing.get_origin(hint) is tuple and bool(nested)
        for part in nested:
            choice = {CreatedNetwork: ".create", ExistingNetwork: ".existing", IamSettings: ".iam"}.get(
                typing.cast(type, part), ""
            )
            found |= keys_of(typing.cast(type, part), prefix=f"{prefix}{name}{'[]' if many else ''}{choice}.")
        if hint is Compute:
            found |= {f"{prefix}{field}" for field in typing.get_type_hints(Compute)}
        elif not nested:
            found.add(f"{prefix}{name}")
    return found


def test_every_setting_is_documented_and_nothing_else() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([a-z_.\[\]0-9]+)` \|", text, flags=re.MULTILINE))
    assert documented == keys_of(EnvironmentSettings)
