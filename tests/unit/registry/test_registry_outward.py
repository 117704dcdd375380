"""The way out that the environment names: which proxy for which URL, and what is no proxy at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from weighbridge.errors import InputError
from weighbridge.registry.outward import Outward, Proxy

URL = "https://registry.example.com/artifactory"


def test_without_variables_everything_is_direct_and_publicly_trusted() -> None:
    found = Outward.read({})
    assert found.proxy_for(URL) is None
    assert found.trusted(verify=True) is True


def test_lower_case_wins_as_everywhere() -> None:
    found = Outward.read({"HTTPS_PROXY": "http://upper:1", "https_proxy": "lower:2"})
    assert found.proxy_for(URL) == Proxy(host="lower", port=2)
    assert found.proxies_for(URL) == {"https": "http://lower:2"}


@pytest.mark.parametrize(
    ("no_proxy", "direct"),
    [
        ("registry.example.com", True),
        ("example.com", True),
        (".example.com", True),
        (" other.org , REGISTRY.example.com ", True),
        ("*", True),
        ("gistry.example.com", False),
        ("registry.example.com.evil.org", False),
        ("com.example", False),
        ("", False),
        (",", False),
    ],
)
def test_no_proxy_names_hosts_and_their_domains(no_proxy: str, direct: bool) -> None:
    found = Outward.read({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": no_proxy})
    assert (found.proxy_for(URL) is None) is direct
    assert (found.proxies_for(URL) == {}) is direct


@pytest.mark.parametrize("url", ["http://registry.example.com/x", "https://127.0.0.1/x", "https://localhost:8443/x"])
def test_what_is_not_encrypted_or_on_this_machine_meets_no_proxy(url: str) -> None:
    assert Outward.read({"HTTPS_PROXY": "http://proxy:3128"}).proxy_for(url) is None


@pytest.mark.parametrize(
    "value",
    ["https://proxy:3128", "socks5://proxy:1", "http://proxy", "http://:3128", "http://proxy:x", "http://p:1/x"],
)
def test_what_is_no_http_proxy_is_refused_without_being_repeated(value: str) -> None:
    with pytest.raises(InputError, match=r"^HTTPS_PROXY: is not of the form http://HOST:PORT$") as caught:
        Outward.read({"HTTPS_PROXY": value})
    assert caught.value.rule == "input.environment"


def test_a_password_is_shown_nowhere() -> None:
    found = Outward.read({"HTTPS_PROXY": "http://user:swordfish@proxy:3128"})
    assert "swordfish" not in repr(found)
    assert found.proxy is not None
    assert found.proxy.authorization not in (None, "")
    assert str(found.proxy.authorization) not in repr(found)


def test_authorities_of_the_environment_count_unless_the_caller_says_otherwise(tmp_path: Path) -> None:
    bundle, other = tmp_path / "bundle.pem", tmp_path / "other.pem"
    bundle.write_text("")
    found = Outward.read({"REQUESTS_CA_BUNDLE": str(bundle)})
    assert found.trusted(verify=True) == bundle
    assert found.trusted(verify=other) == other
    assert found.trusted(verify=False) is False


def test_a_bundle_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"REQUESTS_CA_BUNDLE: .* does not exist"):
        Outward.read({"REQUESTS_CA_BUNDLE": str(tmp_path / "missing.pem")})
