"""The sections `network` and `egress`: three ways to the registry, and what is refused of each."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from weighbridge.errors import SettingsError
from weighbridge.settings import CreatedNetwork, EnvironmentSettings, ExistingNetwork, load_settings

ROOT = Path(__file__).resolve().parents[3]
ROUTE = {"cidrs": ["10.200.0.0/16"], "transit_gateway_id": "tgw-0123456789abcdef0"}
PEER = {"cidrs": ["10.200.0.0/16"], "peer_vpc_id": "vpc-0123456789abcdef0"}
PROXY = {"url": "http://proxy.corp.example:3128", "cidrs": ["10.200.7.0/24"]}
SERVICE = "com.amazonaws.vpce.eu-central-1.vpce-svc-0123456789abcdef0"
CERTIFICATE = ROOT / "tests" / "unit" / "settings" / "private-authority.pem"


def settings(
    folder: Path, *, create: object = None, existing: object = None, egress: object = None
) -> EnvironmentSettings:
    document = yaml.safe_load((ROOT / "environments" / "prod.yaml").read_text(encoding="utf-8"))
    document["network"] = {} if create is None else {"create": create}
    if existing is not None:
        document["network"]["existing"] = existing
    if egress is not None:
        document["egress"] = egress
    path = folder / "prod.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_settings(path)


def created(**more: object) -> dict[str, object]:
    zones = ["eu-central-1a", "eu-central-1b"]
    return {"cidr": "10.40.0.0/16", "availability_zones": zones, "route": ROUTE, **more}


def existing(**more: object) -> dict[str, object]:
    return {
        "vpc_id": "vpc-0123456789abcdef0",
        "availability_zones": ["eu-central-1a"],
        "subnet_ids": ["subnet-0123456789abcdef0"],
        **more,
    }


def refusal(folder: Path, **what: object) -> str:
    with pytest.raises(SettingsError) as caught:
        settings(folder, **what)
    line = str(caught.value)
    assert "\n" not in line
    return line.removeprefix(f"{folder / 'prod.yaml'}: ")


def test_a_route_takes_the_place_of_private_link(tmp_path: Path) -> None:
    found = settings(tmp_path, create=created()).network
    assert isinstance(found, CreatedNetwork)
    assert found.route is not None
    assert (found.route.cidrs, found.route.transit_gateway_id) == (("10.200.0.0/16",), "tgw-0123456789abcdef0")
    assert (found.registry_service, found.profile, found.organization_id) == (None, "full", None)


def test_a_created_network_without_any_way_is_refused(tmp_path: Path) -> None:
    line = refusal(tmp_path, create=created(route=None))
    assert line.startswith("network.create.registry_service: is missing, so that nothing in the VPC could reach")


def test_one_zone_is_enough_for_the_lean_profile_alone(tmp_path: Path) -> None:
    one = created(availability_zones=["eu-central-1a"])
    assert "at least 2" in refusal(tmp_path, create=one)
    assert settings(tmp_path, create={**one, "profile": "lean"}).network.availability_zones == ("eu-central-1a",)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"profile": "small"}, "profile"),
        ({"organization_id": "org-1"}, "organization_id"),
        ({"gateway_prefix_lists": ["sg-0123456789abcdef0"]}, "gateway_prefix_lists[0]"),
        ({"route": {}}, "route"),
        ({"route": {**ROUTE, "peer_vpc_id": "vpc-0123456789abcdef0"}}, "route"),
        ({"route": {**ROUTE, "cidrs": []}}, "route.cidrs"),
        ({"route": {**ROUTE, "cidrs": ["0.0.0.0/0"]}}, "route.cidrs"),
        ({"route": {**ROUTE, "cidrs": ["10.200.0.1/16"]}}, "route.cidrs"),
        ({"route": {**ROUTE, "cidrs": ["10.40.8.0/24"]}}, "route.cidrs"),
        ({"route": {**ROUTE, "peer_account": "111111111111"}}, "route.peer_account"),
        ({"route": {**PEER, "peer_account": "111111111111"}}, "route.peer_role_arn"),
        ({"route": {**ROUTE, "registry_addresses": ["10.201.0.1"]}}, "route.registry_addresses"),
        ({"route": {**ROUTE, "registry_addresses": ["10.200.0.999"]}}, "route.registry_addresses"),
        (
            {"route": {**ROUTE, "registry_addresses": ["10.200.0.1"], "resolver_rule_id": "rslvr-rr-" + "1" * 17}},
            "route.resolver_rule_id",
        ),
        (
            {"registry_service": SERVICE, "route": {**ROUTE, "registry_addresses": ["10.200.0.1"]}},
            "route.registry_addresses",
        ),
        ({"nat": True}, "nat"),
    ],
)
def test_what_cannot_be_a_created_network_is_refused(tmp_path: Path, change: dict[str, object], key: str) -> None:
    assert refusal(tmp_path, create=created(**change)).startswith(f"network.create.{key}: ")


@pytest.mark.parametrize("peer", ["0.0.0.0/0", "10.0.0.1/8", "anybody", "sg-x"])
def test_peers_of_an_existing_network_are_named(tmp_path: Path, peer: str) -> None:
    assert refusal(tmp_path, existing=existing(peers=[peer])).startswith("network.existing.peers")


def test_an_existing_network_names_its_peers(tmp_path: Path) -> None:
    peers = ["sg-0123456789abcdef0", "pl-0123456789abcdef0", "10.9.0.0/16"]
    found = settings(tmp_path, existing=existing(peers=peers)).network
    assert isinstance(found, ExistingNetwork)
    assert found.peers == tuple(peers)


def test_a_proxy_behind_the_route_is_read(tmp_path: Path) -> None:
    found = settings(tmp_path, create=created(), egress={"proxy": {**PROXY, "bypass": [".corp.example"]}}).egress
    assert found.proxy is not None
    assert (found.proxy.url, found.proxy.port) == ("http://proxy.corp.example:3128", 3128)
    assert (found.proxy.cidrs, found.proxy.bypass, found.ca_bundle) == (("10.200.7.0/24",), (".corp.example",), None)


def test_without_the_section_there_is_no_proxy_and_no_authority(tmp_path: Path) -> None:
    found = settings(tmp_path, create=created()).egress
    assert (found.proxy, found.ca_bundle) == (None, None)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"url": "https://proxy:3128"}, "url"),
        ({"url": "http://user:password@proxy:3128"}, "url"),
        ({"url": "http://proxy"}, "url"),
        ({"url": "http://proxy:3128/"}, "url"),
        ({"url": "http://proxy:70000"}, "url"),
        ({"cidrs": []}, ""),
        ({"security_group": "sg-0123456789abcdef0"}, ""),
        ({"cidrs": ["0.0.0.0/0"]}, "cidrs"),
        ({"cidrs": ["10.201.0.0/24"]}, "cidrs"),
        ({"bypass": ["a,b"]}, "bypass[0]"),
        ({"password": "x"}, "password"),
    ],
)
def test_what_cannot_be_a_proxy_is_refused(tmp_path: Path, change: dict[str, object], key: str) -> None:
    line = refusal(tmp_path, create=created(), egress={"proxy": {**PROXY, **change}})
    assert line.startswith(f"egress.proxy{'.' if key else ''}{key}: ")


def test_a_bundle_is_found_beside_the_settings(tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_bytes(CERTIFICATE.read_bytes())
    assert (
        settings(tmp_path, create=created(), egress={"ca_bundle": "own.pem"}).egress.ca_bundle == tmp_path / "own.pem"
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "cannot be read"),
        (b"no certificate", "holds no PEM certificates"),
        (b"-----BEGIN PRIVATE KEY-----\n", "holds a private key"),
        (b"x" * (256 * 1024 + 1), "is longer than"),
    ],
)
def test_what_is_no_bundle_is_refused(tmp_path: Path, data: bytes | None, words: str) -> None:
    if data is not None:
        (tmp_path / "own.pem").write_bytes(data)
    line = refusal(tmp_path, create=created(), egress={"ca_bundle": "own.pem"})
    assert line.startswith("egress.ca_bundle: ")
    assert words in line
