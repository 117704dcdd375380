"""Do the account's quotas allow the endpoints, and their updates?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from weighbridge.doctor.check import Check
from weighbridge.doctor.findings import Judgement, ok, problem, unknown, warning
from weighbridge.doctor.setup import QuotaPage, QuotasClient, Setup

SERVICE = "sagemaker"
# New accounts begin with ten concurrent executions in all.
LEAST_CONCURRENCY = 10


def instances(setup: Setup) -> Iterator[Judgement]:
    """Compare each instance type's endpoint quota with what the environment runs, twice: blue/green needs both fleets."""
    wanted: Counter[str] = Counter()
    for model in setup.settings.models:
        wanted[model.endpoint.instance_type] += model.endpoint.most_instances
    held = endpoint_quotas(setup.aws().quotas, types=set(wanted))
    for kind, count in sorted(wanted.items()):
        remedy = f"ask Service Quotas for {2 * count} or more of '{kind} for endpoint usage' in {setup.settings.region}"
        if kind not in held:
            yield unknown(f"no quota '{kind} for endpoint usage' is known in {setup.settings.region}", remedy=remedy)
        elif held[kind] < count:
            yield problem(f"the quota of {kind} for endpoints is {held[kind]:g}, {count} are needed", remedy=remedy)
        elif held[kind] < 2 * count:
            text = f"the quota of {kind} for endpoints is {held[kind]:g}: {count} run, but an update needs {2 * count}"
            yield problem(text, remedy=remedy)
        else:
            yield ok(f"the quota of {kind} for endpoints is {held[kind]:g}, an update needs {2 * count}")


def endpoint_quotas(client: QuotasClient, *, types: set[str]) -> dict[str, float]:
    """Return the quota by instance type: the applied value, else AWS's default."""
    found: dict[str, float] = {}
    for call in (client.list_service_quotas, client.list_aws_default_service_quotas):
        token = ""
        while types - found.keys():
            page: QuotaPage = call(ServiceCode=SERVICE, NextToken=token) if token else call(ServiceCode=SERVICE)
            for quota in page.get("Quotas", []):
                kind = quota.get("QuotaName", "").removesuffix(" for endpoint usage")
                if kind in types and kind != quota.get("QuotaName"):
                    found.setdefault(kind, quota.get("Value", 0.0))
            token = page.get("NextToken", "")
            if not token:
                break
    return found


def functions(setup: Setup) -> Iterator[Judgement]:
    """See that Lambda has executions left for the resolver."""
    limits = setup.aws().functions.get_account_settings()["AccountLimit"]
    left = limits["UnreservedConcurrentExecutions"]
    remedy = "ask Service Quotas for more concurrent executions of Lambda, or lower reservations of other functions"
    if left < 1:
        yield problem("no concurrent execution of Lambda is left unreserved", remedy=remedy)
    elif left < LEAST_CONCURRENCY:
        yield warning(f"{left} concurrent executions of Lambda are left unreserved", remedy=remedy)
    else:
        yield ok(f"{left} concurrent executions of Lambda are left unreserved")


QUOTA_CHECKS = (
    Check("aws.quota-instances", "Is the quota of every instance type twice what runs?", instances),
    Check("aws.quota-functions", "Has Lambda executions left?", functions),
)
