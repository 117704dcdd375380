"""One endpoint: the state machine of CreateEndpoint, UpdateEndpoint and DeleteEndpoint, and its traffic.

Creating -> InService or, for good, Failed. Updating -> InService on the new config or, when that does not come up,
InService on the OLD config with a generic reason. What the container itself said is in the endpoint's log group alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from local.sagemaker.errors import AwsError
from local.sagemaker.fleet import Fleet, FleetPlan
from local.sagemaker.host import Host
from local.sagemaker.invocation import Invocation, InvocationResult
from local.sagemaker.rollout import Rollout
from local.sagemaker.shapes import JsonObject, Request
from local.sagemaker.traffic import Traffic

IN_PROGRESS = frozenset({"Creating", "Updating", "SystemUpdating", "Deleting"})


class Endpoint:
    """An endpoint, Creating from the moment that it is made, and the thread that changes it."""

    def __init__(self, *, host: Host, name: str, plan: FleetPlan) -> None:
        self._host = host
        self.name = name
        self.arn = host.account.arn(kind="endpoint", name=name)
        self._changed = threading.Condition()
        self._traffic = Traffic(account=host.account, endpoint_name=name)
        self._closing = threading.Event()
        self._status = "Creating"
        self._failure: str | None = None
        self._created = self._modified = time.time()
        self._deployment: Request | None = None
        self._fleet = Fleet(host=host, plan=plan)
        self._running = [self._fleet]
        self._green: Fleet | None = None
        self._green_since = 0.0
        self._run(self._create)

    @property
    def status(self) -> str:
        """Its EndpointStatus."""
        with self._changed:
            return self._status

    @property
    def config_name(self) -> str:
        """The config that serves."""
        with self._changed:
            return self._fleet.plan.config_name

    @property
    def deployment(self) -> Request | None:
        """The DeploymentConfig of the last update, as it was sent."""
        with self._changed:
            return self._deployment

    def instance_counts(self) -> dict[str, int]:
        """How many instances each variant is to have now."""
        with self._changed:
            return {plan.name: plan.count for plan in self._fleet.plan.variants}

    def wait_settled(self, seconds: float) -> str:
        """Wait until no change is in progress, at most `seconds`; returns the status."""
        with self._changed:
            self._changed.wait_for(lambda: self._status not in IN_PROGRESS, seconds)
            return self._status

    def update(self, *, plan: FleetPlan, rollout: Rollout, deployment: Request | None) -> None:
        """Begin to move to `plan`.

        Raises:
            AwsError: while another change is in progress, or after a failed create.
        """
        with self._changed:
            self._begin("Updating")
            self._deployment = deployment
            self._green, self._green_since = Fleet(host=self._host, plan=plan), time.time()
            self._running.append(self._green)
        self._run(lambda: self._update(rollout))

    def delete(self, gone: Callable[[], None]) -> None:
        """Begin to end everything; `gone` is called when nothing runs any more.

        Raises:
            AwsError: while another change is in progress.
        """
        with self._changed:
            self._begin("Deleting", also=("Failed",))
        self._traffic.stop()

        def end() -> None:
            self._fleet.terminate()
            gone()
            self._set_status("Deleted")

        self._run(end)

    def replace_instance(self, index: int, plan: FleetPlan | None) -> None:
        """Begin what patching and host failures do at any time: end one instance and start another in its place.

        `index` counts the first variant's instances. `plan` is what the config says now; None when it is gone, and then
        the instance does not come back.

        Raises:
            AwsError: while another change is in progress, or when there is no such instance.
        """
        with self._changed:
            if not 0 <= index < len(self._fleet.instances(self._fleet.plan.variants[0].name)):
                raise AwsError.validation(f"instance {index}: endpoint {self.name} has none with this number")
            self._begin("SystemUpdating")

        def replace() -> None:
            new = self._fleet.replace(index, None if plan is None else plan.variants[0])
            failed = new is None or not new.wait_started()
            self._set_status("InService", failure=_ping_failure(self._fleet.plan.variants[0].name) if failed else None)

        self._run(replace)

    def close(self) -> None:
        """End every container at once, whatever is in progress."""
        self._closing.set()
        with self._changed:
            fleets = tuple(self._running)
        self._traffic.stop()
        for fleet in fleets:
            fleet.terminate(drain_seconds=0.0, grace_seconds=self._host.timing.close_seconds)
        self._worker.join()

    def pids(self) -> tuple[int, ...]:
        """Process ids of the containers of the config that serves."""
        with self._changed:
            fleet = self._fleet
        return tuple(instance.pid for plan in fleet.plan.variants for instance in fleet.instances(plan.name))

    def invoke(self, invocation: Invocation) -> InvocationResult:
        """Send one request to a healthy container; see `Traffic.invoke`."""
        return self._traffic.invoke(invocation)

    def describe(self) -> JsonObject:
        """Return the answer of DescribeEndpoint."""
        with self._changed:
            found: JsonObject = {
                "EndpointName": self.name,
                "EndpointArn": self.arn,
                "EndpointConfigName": self._fleet.plan.config_name,
                "EndpointStatus": self._status,
                "CreationTime": self._created,
                "LastModifiedTime": self._modified,
            }
            if self._status not in ("Creating", "Failed"):
                found["ProductionVariants"] = _variants(self._fleet, since=self._created)
            if self._failure is not None:
                found["FailureReason"] = self._failure
            if self._deployment is not None:
                found["LastDeploymentConfig"] = self._deployment
            if self._green is not None:
                found["PendingDeploymentSummary"] = {
                    "EndpointConfigName": self._green.plan.config_name,
                    "ProductionVariants": _variants(self._green, since=self._green_since),
                    "StartTime": self._green_since,
                }
            return found

    def _begin(self, status: str, *, also: tuple[str, ...] = ()) -> None:
        if self._status in IN_PROGRESS:
            raise AwsError.in_progress(self.arn)
        if self._status not in ("InService", *also):
            raise AwsError.validation(
                f'Cannot update endpoint "{self.arn}" in status {self._status}: it can only be deleted.'
            )
        self._set_status(status)

    def _create(self) -> None:
        failed = self._fleet.wait_started()
        if failed is not None:
            self._fleet.terminate()
            self._set_status("Failed", failure=_ping_failure(failed))
            return
        self._traffic.to(self._fleet)
        self._set_status("InService")

    def _update(self, rollout: Rollout) -> None:
        blue, green = self._fleet, self._green
        assert green is not None
        failed = green.wait_started()
        if failed is None:
            failed = self._shift(blue, green, rollout=rollout)
        if failed is not None:
            self._traffic.to(blue)
            self._terminate(green)
            with self._changed:
                self._green = None
            self._set_status("InService", failure=_ping_failure(failed))
            return
        with self._changed:
            self._fleet, self._green = green, None
        self._closing.wait(rollout.termination_wait_seconds * self._host.timing.time_scale)
        self._terminate(blue)
        self._set_status("InService")

    def _shift(self, blue: Fleet, green: Fleet, *, rollout: Rollout) -> str | None:
        """Move the traffic; returns a variant of the new fleet that broke down meanwhile, or None."""
        for share in rollout.shares:
            self._traffic.split(blue, green, share=share)
            failed = self._bake(green, seconds=rollout.wait_seconds)
            if failed is not None:
                return failed
        return None

    def _bake(self, green: Fleet, *, seconds: float) -> str | None:
        end = time.monotonic() + seconds * self._host.timing.time_scale
        while (failed := green.failed_variant()) is None:
            left = end - time.monotonic()
            if left <= 0 or self._closing.wait(min(left, self._host.timing.poll_seconds)):
                break
        return failed

    def _terminate(self, fleet: Fleet) -> None:
        fleet.terminate()
        with self._changed:
            self._running.remove(fleet)

    def _set_status(self, status: str, *, failure: str | None = None) -> None:
        with self._changed:
            self._status, self._failure, self._modified = status, failure, time.time()
            self._changed.notify_all()

    def _run(self, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            except Exception as error:
                self._set_status("Failed", failure=f"InternalServerError: {type(error).__name__}: {error}")
                raise

        self._worker = threading.Thread(target=run, name=f"endpoint-{self.name}", daemon=True)
        self._worker.start()


def _ping_failure(variant: str) -> str:
    return (
        f"The primary container for production variant {variant} did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )


def _variants(fleet: Fleet, *, since: float) -> list[JsonObject]:
    return [
        {
            "VariantName": plan.name,
            "DeployedImages": [
                {
                    "SpecifiedImage": plan.image.reference,
                    "ResolvedImage": plan.image.reference,
                    "ResolutionTime": since,
                }
            ],
            "CurrentWeight": plan.weight,
            "DesiredWeight": plan.weight,
            "CurrentInstanceCount": fleet.healthy_count(plan.name),
            "DesiredInstanceCount": plan.count,
        }
        for plan in fleet.plan.variants
    ]
