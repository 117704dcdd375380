"""Read the section `egress`: the proxy that leads out of the network, and private certificate authorities."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from weighbridge.settings.network import SECURITY_GROUP, CreatedNetwork, ExistingNetwork, read_cidrs
from weighbridge.settings.section import Section

_LARGEST = 256 * 1024
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """An HTTP proxy that opens tunnels (CONNECT). `url` is `http://HOST:PORT`: a password would stand in templates.

    `cidrs` or `security_group` say where it is. `bypass` are further hosts, with their subdomains, that are reached without it.
    """

    url: str
    cidrs: tuple[str, ...] = ()
    security_group: str | None = None
    bypass: tuple[str, ...] = ()

    @property
    def port(self) -> int:
        """The proxy's TCP port."""
        return int(self.url.rpartition(":")[2])


@dataclass(frozen=True, slots=True)
class EgressSettings:
    """`ca_bundle` is a file of PEM certificates that are trusted besides the public authorities."""

    proxy: ProxySettings | None = None
    ca_bundle: Path | None = None


def read_egress(section: Section | None, *, network: CreatedNetwork | ExistingNetwork) -> EgressSettings:
    """Return the section, empty where it is absent. `ca_bundle` is relative to the settings' file.

    Raises:
        SettingsError: naming the key, the problem and the fix.
    """
    if section is None:
        return EgressSettings()
    section.allow("proxy", "ca_bundle")
    proxy = section.optional_section("proxy")
    return EgressSettings(
        proxy=None if proxy is None else _proxy(proxy, network=network),
        ca_bundle=_bundle(section) if section.has("ca_bundle") else None,
    )


def _proxy(section: Section, *, network: CreatedNetwork | ExistingNetwork) -> ProxySettings:
    section.allow("url", "cidrs", "security_group", "bypass")
    found = ProxySettings(
        url=section.text(
            "url", pattern=rf"http://{_HOST}:[0-9]{{1,5}}", form="http://HOST:PORT, without user, password or path"
        ),
        cidrs=read_cidrs(section, "cidrs"),
        security_group=section.optional_text("security_group", pattern=SECURITY_GROUP, form="a security group, sg-..."),
        bypass=section.texts("bypass", pattern=rf"\.?{_HOST}", form="a host's or a domain's name"),
    )
    if not 1 <= found.port <= 65535:
        section.refuse("url", f"{found.port} is no port", "give 1 to 65535")
    if bool(found.cidrs) == (found.security_group is not None):
        section.refuse(
            "", "needs exactly one of 'cidrs' and 'security_group': where the proxy is", "keep one of the two"
        )
    if isinstance(network, CreatedNetwork):
        _check_routed(section, found, network=network)
    return found


def _check_routed(section: Section, proxy: ProxySettings, *, network: CreatedNetwork) -> None:
    routed = [] if network.route is None else [ipaddress.IPv4Network(cidr) for cidr in network.route.cidrs]
    own = ipaddress.IPv4Network(network.cidr)
    for cidr in proxy.cidrs:
        if not any(ipaddress.IPv4Network(cidr).subnet_of(found) for found in (own, *routed)):
            section.refuse("cidrs", f"{cidr!r} is reached by no route", "add it to network.create.route.cidrs")
    if proxy.security_group is not None and not routed:
        section.refuse(
            "security_group", "nothing leads from the created VPC to it", "give network.create.route, by peering"
        )


def _bundle(section: Section) -> Path:
    # Here: the command line reads settings often, and a bundle of authorities seldom.
    from cryptography import x509

    value = section.text("ca_bundle", pattern=r"[^\x00-\x1f]+", form="a file of PEM certificates")
    path = Path(section.file).parent / value
    try:
        data = path.read_bytes() if path.stat().st_size <= _LARGEST else None
    except OSError:
        section.refuse("ca_bundle", f"{value!r} cannot be read", "give a file, relative to this one")
    if data is None:
        section.refuse("ca_bundle", f"{value!r} is longer than {_LARGEST} bytes", "give the authorities alone")
    if b"PRIVATE KEY" in data:
        section.refuse("ca_bundle", f"{value!r} holds a private key", "give certificates alone, and renew that key")
    try:
        x509.load_pem_x509_certificates(data)
    except ValueError:
        section.refuse("ca_bundle", f"{value!r} holds no PEM certificates", "give the authorities' certificates")
    return path
