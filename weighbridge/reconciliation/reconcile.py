"""One look at everything that runs. What cannot be read is a failure beside the findings, never a clean answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase

from weighbridge.admission.claim import Acceptances, Objection, Pins, read_claim
from weighbridge.checks.rule import mapping
from weighbridge.errors import WeighbridgeError
from weighbridge.logs import Clock, system_clock
from weighbridge.reconciliation.channel import ReadChannel, read_states
from weighbridge.reconciliation.compare import Comparison
from weighbridge.reconciliation.findings import Finding, Report
from weighbridge.reconciliation.running import running_of
from weighbridge.reconciliation.survey import Endpoint, Survey

BEHIND = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Compares what runs with what an environment accepted and its channel says.

    `except_endpoints` are names, `*` and `?` allowed, of endpoints that are not looked at: another environment's in the same
    account, or one that somebody answers for.
    """

    survey: Survey
    pins: Pins
    acceptances: Acceptances
    channel: ReadChannel
    behind: timedelta = BEHIND
    except_endpoints: tuple[str, ...] = ()
    clock: Clock = system_clock

    def look(self) -> Report:
        """Return what is found.

        Raises:
            CloudError: when the endpoints cannot even be listed.
        """
        now = self.clock()
        failures: list[str] = []
        held: set[str] = set()
        endpoints: list[Endpoint] = []
        for name in self.survey.names():
            if any(fnmatchcase(name, pattern) for pattern in self.except_endpoints):
                continue
            try:
                endpoint = self.survey.endpoint(name)
            except WeighbridgeError as error:
                failures.append(str(error))
                held.add(name)
                continue
            if endpoint is not None:
                endpoints.append(endpoint)
        models = {endpoint.name: _models(endpoint) for endpoint in endpoints}
        states, unread = read_states(
            (model for found in models.values() for model in found), read=self.channel, now=now
        )
        failures += unread.values()
        comparison = Comparison(
            pins=self.pins, acceptances=self.acceptances, states=states, behind=self.behind, now=now
        )
        findings: list[Finding] = []
        for endpoint in endpoints:
            if not endpoint.at_rest or endpoint.hides or models[endpoint.name] & set(unread):
                held.add(endpoint.name)
            try:
                findings += comparison.endpoint(endpoint)
            except WeighbridgeError as error:
                failures.append(f"{endpoint.name}: {error}")
                held.add(endpoint.name)
        return Report(
            findings=tuple(findings),
            endpoints=len(endpoints),
            held=frozenset(held),
            failures=tuple(failures),
            running=tuple(each for endpoint in endpoints for each in running_of(endpoint)),
        )


def _models(endpoint: Endpoint) -> frozenset[str]:
    claims = (
        read_claim(mapping(container.get("Environment")), path=path)
        for workload in endpoint.workloads
        for path, container in workload.containers()
    )
    return frozenset(claim.model for claim in claims if not isinstance(claim, Objection))
