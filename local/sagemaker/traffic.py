"""Where an endpoint's requests go: which fleets, in which shares, and what comes back."""

from __future__ import annotations

import threading

from local.sagemaker.containers import NotReachedError
from local.sagemaker.errors import AwsError, model_error
from local.sagemaker.fleet import Fleet, Rotation
from local.sagemaker.host import Account
from local.sagemaker.instances import Instance
from local.sagemaker.invocation import Invocation, InvocationResult
from local.sagemaker.logs import ENDPOINTS

_TRIES = 5
Routes = tuple[tuple[Fleet, float], ...]


class Traffic:
    """The routes of one endpoint; they change in one step, and no request is lost by that."""

    def __init__(self, *, account: Account, endpoint_name: str) -> None:
        self._account = account
        self._name = endpoint_name
        self._lock = threading.Lock()
        self._rotation = Rotation()
        self._routes: Routes = ()

    def stop(self) -> None:
        """Send requests nowhere."""
        self._set(())

    def to(self, fleet: Fleet) -> None:
        """Send every request to `fleet`."""
        self._set(((fleet, 1.0),))

    def split(self, blue: Fleet, green: Fleet, *, share: float) -> None:
        """Send `share` (0 to 1) of the requests to `green`."""
        self._set(((blue, 1.0 - share), (green, share)) if share < 1.0 else ((green, 1.0),))

    def invoke(self, invocation: Invocation) -> InvocationResult:
        """Send one request to a healthy container.

        Raises:
            AwsError: ValidationError when nothing serves, ServiceUnavailable when no container is healthy, ModelError
                when the container refused, failed or did not answer.
        """
        for _ in range(_TRIES):
            instance, variant = self._take(invocation.target_variant)
            try:
                answer = instance.invoke(invocation)
            except NotReachedError:
                continue
            finally:
                instance.release()
            if not 200 <= answer.status < 300:
                raise model_error(
                    original_status=answer.status,
                    body=answer.body,
                    log_group=f"{ENDPOINTS}/{self._name}",
                    region=self._account.region,
                    account=self._account.account_id,
                )
            return InvocationResult(
                body=answer.body,
                content_type=answer.content_type or "application/octet-stream",
                custom_attributes=answer.custom_attributes,
                variant=variant,
            )
        raise AwsError.unavailable()

    def _take(self, target_variant: str | None) -> tuple[Instance, str]:
        routes = None
        # Traffic may move on, while this looks, from a fleet that then takes no more requests: look again.
        while routes is not self._routes:
            routes, ordered = self._order()
            self._check(routes, target_variant)
            for fleet in ordered:
                found = fleet.take(target_variant)
                if found is not None:
                    return found
        raise AwsError.unavailable()

    def _order(self) -> tuple[Routes, tuple[Fleet, ...]]:
        """Return the routes, and their fleets with the one first whose turn it is."""
        with self._lock:
            routes = self._routes
            first = self._rotation.choose([share for _, share in routes], range(len(routes))) if routes else 0
        return routes, tuple(fleet for fleet, _ in (*routes[first:], *routes[:first]))

    def _check(self, routes: Routes, target_variant: str | None) -> None:
        if not routes:
            raise AwsError.no_endpoint_to_invoke(name=self._name, account=self._account.account_id)
        known = {plan.name for fleet, _ in routes for plan in fleet.plan.variants}
        if target_variant is not None and target_variant not in known:
            raise AwsError("ValidationError", f"Variant {target_variant} not found for endpoint {self._name}.")

    def _set(self, routes: Routes) -> None:
        with self._lock:
            self._routes = routes
