"""The registry's side: the healthy twin has no finding, and each fault gives exactly its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from local.registry.config import Permission
from local.registry.fault import Fault
from tests.clients.doctor.doctor_clinic import Clinic, json_answer
from tests.unit.doctor.doctor_findings import findings, worst
from weighbridge.doctor import CHECKS, Answer, Check, HttpProbe, Judgement, Setup, Severity, choose, diagnose, run_check
from weighbridge.registry import StaticToken
from weighbridge.settings import ExistingNetwork


def test_the_healthy_twin_has_no_finding(clinic: Clinic) -> None:
    report = diagnose(setup=clinic.setup(), checks=choose(CHECKS, only=(), aws=False))
    assert [finding for finding in report.findings if finding.severity is not Severity.OK] == []
    assert report.exit_code == 0
    assert {finding.check for finding in report.findings} == {c.id for c in CHECKS if c.topic != "aws"}


def test_a_second_visit_finds_the_same(clinic: Clinic) -> None:
    checks = choose(CHECKS, only=("permissions",), aws=False)
    assert diagnose(setup=clinic.setup(), checks=checks) == diagnose(setup=clinic.setup(), checks=checks)


def test_a_registry_that_does_not_answer_is_a_problem(clinic: Clinic) -> None:
    setup = clinic.setup()
    dead = HttpProbe(url="http://127.0.0.1:9/artifactory", tokens=None)
    found = worst("registry.reachable", replace(setup, registry=replace(setup.registry, anonymous=dead)))
    assert found.severity is Severity.PROBLEM
    assert "127.0.0.1:9" in found.message


def test_what_needs_an_answer_and_gets_none_is_not_ok(clinic: Clinic) -> None:
    setup = clinic.setup()
    dead = HttpProbe(url="http://127.0.0.1:9/artifactory", tokens=None)
    absent = replace(setup, registry=replace(setup.registry, anonymous=dead, probes={"reader": dead}, client=None))
    checks = choose(CHECKS, only=(), aws=False)
    report = diagnose(setup=absent, checks=checks)
    first, *rest = report.findings
    assert (first.check, first.severity, report.exit_code) == ("registry.reachable", Severity.PROBLEM, 1)
    assert [finding.check for finding in rest] == [check.id for check in checks[1:]]
    assert {finding.severity for finding in rest} == {Severity.UNKNOWN}
    assert all(finding.message.startswith("not asked: registry.reachable") for finding in rest)
    # Asked by name, each says so itself; but where tokens lie in secrets, nobody is asked about roles, and authorities are a file.
    for check in (check for check in checks[1:] if check.id not in ("permissions.roles", "registry.authorities")):
        assert {finding.severity for finding in run_check(check, absent)} <= {Severity.UNKNOWN, Severity.PROBLEM}


@pytest.mark.parametrize(
    ("version", "severity"),
    [("7.77.3", Severity.PROBLEM), ("7.98.2", Severity.WARNING), ("7.111.1", Severity.OK), ("none", Severity.UNKNOWN)],
)
def test_versions_are_judged_by_what_they_can(clinic: Clinic, version: str, severity: Severity) -> None:
    def alter(method: str, path: str, answer: Answer) -> Answer:
        return json_answer(b'{"version": "%b"}' % version.encode()) if path == "api/system/version" else answer

    (found,) = findings("registry.version", clinic.setup(alter=alter))
    assert found.severity is severity


def test_a_token_that_is_not_valid_is_named_by_its_identity(clinic: Clinic) -> None:
    setup = clinic.setup()
    wrong = HttpProbe(url=clinic.world.registry.url, tokens=StaticToken(token="expired"))
    probes = {**setup.registry.probes, "promoter": wrong}
    found = worst("registry.tokens", replace(setup, registry=replace(setup.registry, probes=probes)))
    assert (found.severity, "the promoter's token" in found.message) == (Severity.PROBLEM, True)
    assert "expired" not in found.message + found.remedy


def test_anonymous_reading_is_a_warning(clinic: Clinic) -> None:
    setup = clinic.setup()
    open_to_all = setup.registry.probes["reader"]
    seen = findings("registry.anonymous", replace(setup, registry=replace(setup.registry, anonymous=open_to_all)))
    assert {finding.severity for finding in seen} == {Severity.WARNING}


@pytest.mark.parametrize(("skew", "severity"), [(30, Severity.OK), (90, Severity.WARNING), (-400, Severity.PROBLEM)])
def test_clocks_that_differ_are_found(clinic: Clinic, skew: int, severity: Severity) -> None:
    now = datetime.now(UTC) + timedelta(seconds=skew)
    (found,) = findings("registry.clock", clinic.setup(now=now))
    assert found.severity is severity


def test_a_repository_of_another_type_is_a_problem(clinic: Clinic) -> None:
    settings = replace(
        clinic.settings, registry=replace(clinic.settings.registry, models_repository="weighbridge-dev-local")
    )
    found = worst("repositories.types", clinic.setup(settings=settings))
    assert (found.severity, found.message) == (
        Severity.PROBLEM,
        "weighbridge-dev-local is local generic, not local machinelearning",
    )


def test_a_repository_that_is_missing_is_a_problem(clinic: Clinic) -> None:
    settings = replace(clinic.settings, registry=replace(clinic.settings.registry, hub_repository="hugging-face"))
    found = worst("repositories.types", clinic.setup(settings=settings))
    assert (found.severity, "hugging-face: there is no such repository" in found.message) == (Severity.PROBLEM, True)


POLICY = b'[{"key": "old-models", "enabled": %b, "searchCriteria": {"repos": [%b], "excludedRepos": [%b]}}]'


@pytest.mark.parametrize(
    ("enabled", "repos", "excluded", "severity"),
    [
        (b"true", b'"ml-dev-local"', b"", Severity.PROBLEM),
        (b"true", b'"ml-*"', b"", Severity.PROBLEM),
        (b"true", b'"**"', b'"ml-dev-local", "weighbridge-*"', Severity.OK),
        (b"false", b'"ml-dev-local"', b"", Severity.OK),
        (b"true", b'"docker-local"', b"", Severity.OK),
    ],
)
def test_a_cleanup_policy_over_the_channel_is_a_problem(
    clinic: Clinic, enabled: bytes, repos: bytes, excluded: bytes, severity: Severity
) -> None:
    def alter(method: str, path: str, answer: Answer) -> Answer:
        policy = POLICY % (enabled, repos, excluded)
        return json_answer(policy) if path == "api/cleanup/packages/policies" else answer

    seen = findings("repositories.cleanup", clinic.setup(alter=alter))
    assert [finding.severity for finding in seen] == [severity, Severity.OK]


def test_cleanup_policies_that_may_not_be_read_are_not_ok(clinic: Clinic) -> None:
    clinic.world.registry.add_fault(Fault(kind="status", path="api/cleanup/*", status=403))
    assert worst("repositories.cleanup", clinic.setup()).severity is Severity.UNKNOWN


MAY_WRITE = Permission(users=("reader",), repositories=("ml-dev-local",), patterns=("**",), actions="rw")
MAY_OVERWRITE = Permission(users=("scientist",), repositories=("ml-incoming-local",), patterns=("**",), actions="d")
MAY_REACH_CHANNEL = Permission(
    users=("scientist",), repositories=("weighbridge-dev-local",), patterns=("**",), actions="w"
)


@pytest.mark.parametrize(
    ("permission", "check", "said"),
    [
        (
            MAY_WRITE,
            "permissions.reader",
            ["the reader may write to ml-dev-local; ml-dev-local/weighbridge-doctor/refused-reader.txt stays behind"],
        ),
        (
            MAY_OVERWRITE,
            "permissions.scientist",
            ["the scientist may overwrite in ml-incoming-local", "the scientist may delete in ml-incoming-local"],
        ),
        (
            MAY_REACH_CHANNEL,
            "permissions.scientist",
            [
                "the scientist may write to weighbridge-dev-local; "
                "weighbridge-dev-local/weighbridge-doctor/refused-scientist.txt stays behind"
            ],
        ),
    ],
)
def test_a_permission_too_many_is_a_problem(
    clinic: Clinic, permission: Permission, check: str, said: list[str]
) -> None:
    clinic.permit(permission)
    seen = [finding for finding in findings(check, clinic.setup()) if finding.severity is not Severity.OK]
    assert [(finding.severity, finding.message) for finding in seen] == [(Severity.PROBLEM, text) for text in said]


def test_a_permission_too_few_is_a_problem(clinic: Clinic) -> None:
    clinic.world.registry.add_fault(Fault(kind="status", path="api/storage/weighbridge-dev-local", status=403))
    found = worst("permissions.reader", clinic.setup())
    assert found.message == "the reader may not read weighbridge-dev-local (403)"


def test_proving_that_the_reader_may_not_write_stores_nothing(clinic: Clinic) -> None:
    client = clinic.world.client("admin")
    before = client.listing(repository="ml-dev-local")
    assert {finding.severity for finding in findings("permissions.reader", clinic.setup())} == {Severity.OK}
    assert client.listing(repository="ml-dev-local") == before


def test_read_only_leaves_no_file_and_says_what_stays_open(clinic: Clinic) -> None:
    before = clinic.world.registry.last_request()
    found = worst("permissions.promoter", clinic.setup(may_write=False))
    assert found.severity is Severity.UNKNOWN
    assert {entry.method for entry in clinic.world.registry.requests(since=before)} == {"GET"}


def test_an_identity_without_a_token_is_not_ok(clinic: Clinic) -> None:
    found = worst("permissions.scientist", clinic.setup(identities=("reader",)))
    assert (found.severity, "WEIGHBRIDGE_TOKEN_SCIENTIST" in found.remedy) == (Severity.UNKNOWN, True)


def test_ranges_that_a_proxy_drops_are_a_warning(clinic: Clinic) -> None:
    clinic.world.registry.add_fault(Fault(kind="no-range", path="ml-dev-local/*"))
    found = worst("transfer.ranges", clinic.setup())
    assert (found.severity, "ml-dev-local" in found.message) == (Severity.WARNING, True)


def test_a_range_that_begins_elsewhere_is_a_problem(clinic: Clinic) -> None:
    clinic.world.registry.add_fault(Fault(kind="content-range", path="ml-dev-local/*"))
    assert worst("transfer.ranges", clinic.setup()).severity is Severity.PROBLEM


def test_a_head_without_digest_is_a_problem(clinic: Clinic) -> None:
    fault = Fault(kind="headers", path="weighbridge-dev-local/*", headers={"X-Checksum-Sha256": None})
    clinic.world.registry.add_fault(fault)
    found = worst("transfer.digests", clinic.setup())
    assert (found.severity, "weighbridge-dev-local" in found.message) == (Severity.PROBLEM, True)


def test_a_redirect_to_storage_is_a_problem_where_the_vpc_has_no_way_there(clinic: Clinic) -> None:
    bucket = "https://jfrog-prod.s3.eu-central-1.amazonaws.com/ab/cd?X-Amz-Signature=secret"
    clinic.world.registry.add_fault(Fault(kind="redirect", path="ml-dev-local/*", location=bucket))
    found = worst("transfer.redirects", clinic.setup())
    assert found.severity is Severity.PROBLEM
    assert "jfrog-prod.s3.eu-central-1.amazonaws.com" in found.message
    assert "Signature" not in found.message + found.remedy
    network = ExistingNetwork(vpc_id="vpc-1", availability_zones=("a",), subnet_ids=("s",))
    existing = clinic.setup(settings=replace(clinic.settings, network=network))
    assert worst("transfer.redirects", existing).severity is Severity.WARNING


def test_an_empty_registry_cannot_be_probed(clinic: Clinic) -> None:
    def alter(method: str, path: str, answer: Answer) -> Answer:
        return json_answer(b'{"files": []}') if "?list" in path else answer

    assert worst("transfer.ranges", clinic.setup(alter=alter)).severity is Severity.UNKNOWN


@pytest.mark.parametrize("header", ["X-Repo-Commit", "ETag", "Content-Length"])
def test_a_proxy_that_drops_a_header_is_a_problem(clinic: Clinic, header: str) -> None:
    def alter(method: str, path: str, answer: Answer) -> Answer:
        gone = (header.lower(), f"x-linked-{header.lower()}", "x-linked-size" if header == "Content-Length" else "")
        kept = {name: value for name, value in answer.headers.items() if name not in gone}
        return replace(answer, headers=kept) if "/resolve/" in path else answer

    found = worst("proxy.commit", clinic.setup(alter=alter))
    assert (found.severity, header in found.message) == (Severity.PROBLEM, True)


def test_a_proxy_that_serves_another_commit_is_a_problem(clinic: Clinic) -> None:
    fault = Fault(kind="headers", path="*/resolve/*", headers={"X-Repo-Commit": "0" * 40})
    clinic.world.registry.add_fault(fault)
    assert worst("proxy.commit", clinic.setup()).severity is Severity.PROBLEM


def test_a_proxy_without_tree_is_a_problem(clinic: Clinic) -> None:
    clinic.world.registry.add_fault(Fault(kind="status", path="*/tree/*", status=404))
    assert worst("proxy.tree", clinic.setup()).severity is Severity.PROBLEM


@pytest.mark.parametrize("place", ["listing", "header"])
def test_xet_hints_are_a_warning(clinic: Clinic, place: str) -> None:
    def alter(method: str, path: str, answer: Answer) -> Answer:
        if place == "header" and "/resolve/" in path:
            return replace(answer, headers={**answer.headers, "x-xet-hash": "ab"})
        if place == "listing" and "/tree/" in path:
            return replace(answer, body=answer.body.replace(b'"type"', b'"xetHash": "ab", "type"'))
        return answer

    found = worst("proxy.xet", clinic.setup(alter=alter))
    assert (found.severity, "HF_HUB_DISABLE_XET=1" in found.remedy) == (Severity.WARNING, True)


def test_a_proxy_that_redirects_is_a_warning(clinic: Clinic) -> None:
    location = "https://cdn-lfs.hub.example.com/x?token=secret"
    clinic.world.registry.add_fault(Fault(kind="redirect", path="*/resolve/*", methods=("GET",), location=location))
    found = worst("proxy.storage", clinic.setup())
    assert (found.severity, "secret" in found.message) == (Severity.WARNING, False)


def test_a_proxy_that_blocks_is_a_problem(clinic: Clinic) -> None:
    clinic.world.registry.add_fault(Fault(kind="status", path="*/resolve/*", methods=("GET",), status=403))
    assert worst("proxy.storage", clinic.setup()).severity is Severity.PROBLEM


def test_a_hub_model_that_the_proxy_does_not_know_is_not_ok(clinic: Clinic) -> None:
    setup = clinic.setup(hub_model="nobody/nothing")
    for check in ("proxy.commit", "proxy.tree", "proxy.xet", "proxy.storage"):
        found = worst(check, setup)
        assert (found.severity, "--hub-model" in found.remedy) == (Severity.UNKNOWN, True)


def test_a_check_that_finds_nothing_to_look_at_is_not_ok(clinic: Clinic) -> None:
    def nothing(setup: Setup) -> Iterator[Judgement]:
        yield from ()

    (found,) = run_check(Check("a.b", "?", nothing), clinic.setup())
    assert found.severity is Severity.UNKNOWN
    without_models = clinic.setup(settings=replace(clinic.settings, models=()))
    for check in CHECKS:
        if check.topic == "channel" and check.id != "channel.root":
            assert {finding.severity for finding in run_check(check, without_models)} == {Severity.UNKNOWN}
