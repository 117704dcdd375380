"""Dashboards, and the alarms on what they show: one of an endpoint, one of a whole environment (docs/observability.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs

from constructs import Construct
from weighbridge.instances import is_accelerated
from weighbridge.metrics import (
    AUDIT_FINDINGS,
    AUDITED_RELEASES,
    BYTES_FROM_LOCAL_CACHE,
    BYTES_FROM_REGIONAL_CACHE,
    BYTES_FROM_REGISTRY,
    CONTAINER_REFUSALS,
    ENDPOINTS_CHECKED,
    HOURS_UNTIL_EXPIRY,
    HOURS_UNTIL_RENEWAL,
    LOAD_MILLISECONDS,
    LOADS,
    NAMESPACE,
    RESOLUTION_ALARMS,
    RESOLUTION_ERRORS,
    RESOLUTION_REFUSALS,
    RESOLUTIONS,
    REVOKED_RUNNING,
    RUNNING_PROMOTION,
    SEVERE_FINDINGS,
    TOKEN_AGE_HOURS,
    UNPROMOTED_RELEASES,
    VERIFIED_BYTES,
)
from weighbridge.resource_names import resource_name
from weighbridge_cdk.alarms import alarm_from_one
from weighbridge_cdk.governed_endpoint import VARIANT, GovernedEndpoint
from weighbridge_cdk.governed_inference_component import GovernedInferenceComponent
from weighbridge_cdk.measured import measured, of_instances

WIDTH = 8
HEIGHT = 6
# CloudWatch looks back over a week at most where a period is a day.
WAITING_DAYS = 7


@dataclass(frozen=True, slots=True)
class ShownModel:
    """A model of an environment and the name of its endpoint."""

    name: str
    endpoint_name: str


class EndpointDashboard(Construct):
    """What is deployed, how it was resolved and loaded, and how the endpoint does; `alarms` ring when a release was refused.

    The dashboard has the endpoint's name. What it says of version and digest is what the last deployment that succeeded put
    there: a rollback of the stack brings it back, too.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment_name: str,
        serving: GovernedEndpoint | GovernedInferenceComponent,
    ) -> None:
        """Create the dashboard.

        Args:
            environment_name: name of the environment, as the reconciler measures.
            serving: the endpoint, or the component with its endpoint; in the same stack, which the values stay in.
        """
        super().__init__(scope, construct_id)
        self._serving = serving
        self._model = {"Channel": serving.model.channel.name, "Model": serving.model.model_name}
        self.dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=serving.endpoint_name)
        self.dashboard.add_widgets(self._deployed(), self._running(environment_name))
        self.dashboard.add_widgets(self._resolutions(), self._starts(), self._load_time())
        self.dashboard.add_widgets(self._bytes(), self._requests(), self._latency())
        self.dashboard.add_widgets(*self._instances())
        self.alarms = self._create_alarms()

    def _deployed(self) -> cloudwatch.TextWidget:
        model = self._serving.model
        lines = (
            f"# {model.model_name} {model.version}",
            f"release `{model.release_digest}`",
            f"promotion `{model.release_id}` of {model.promoted_at}, channel {model.channel.name}",
            f"image `{model.image_uri}`",
            f"{model.weights_bytes} bytes are loaded",
        )
        return cloudwatch.TextWidget(markdown="\n\n".join(lines), width=2 * WIDTH, height=HEIGHT)

    def _running(self, environment: str) -> cloudwatch.IWidget:
        dimensions = {"Environment": environment, "Endpoint": self._serving.endpoint_name}
        return _graph(
            "Promotion now running, by number", [measured(RUNNING_PROMOTION, dimensions, statistic="Maximum")]
        )

    def _resolutions(self) -> cloudwatch.IWidget:
        return _graph(
            "Resolutions",
            [self._of(name) for name in (RESOLUTIONS, RESOLUTION_REFUSALS, RESOLUTION_ERRORS, RESOLUTION_ALARMS)],
        )

    def _starts(self) -> cloudwatch.IWidget:
        return _graph("Containers that loaded, and that refused", [self._of(LOADS), self._of(CONTAINER_REFUSALS)])

    def _load_time(self) -> cloudwatch.IWidget:
        found = [self._of(LOAD_MILLISECONDS, statistic=statistic, label=statistic) for statistic in ("p50", "Maximum")]
        return _graph("Milliseconds until verified and loaded", found)

    def _bytes(self) -> cloudwatch.IWidget:
        pulled = [
            measured(name, {"Model": self._serving.model.model_name})
            for name in (BYTES_FROM_REGISTRY, BYTES_FROM_REGIONAL_CACHE, BYTES_FROM_LOCAL_CACHE)
        ]
        return _graph("Bytes verified, and where they came from", [self._of(VERIFIED_BYTES), *pulled])

    def _requests(self) -> cloudwatch.IWidget:
        names = ("Invocations", "Invocation4XXErrors", "Invocation5XXErrors")
        return _graph("Requests", [self._serving.metric(name, statistic="Sum") for name in names])

    def _latency(self) -> cloudwatch.IWidget:
        found = [self._serving.metric("ModelLatency", statistic=statistic) for statistic in ("p50", "p99")]
        return _graph("Latency of the model, in microseconds", found)

    def _instances(self) -> list[cloudwatch.IWidget]:
        kinds: dict[str, tuple[str, ...]] = {"Processor and memory": ("CPUUtilization", "MemoryUtilization")}
        if is_accelerated(self._serving.model.instance_type):
            kinds["GPU, 100 per device"] = ("GPUUtilization", "GPUMemoryUtilization")
        kinds["Disk"] = ("DiskUtilization",)
        return [
            _graph(
                title,
                [of_instances(name, endpoint_name=self._serving.endpoint_name, variant_name=VARIANT) for name in names],
            )
            for title, names in kinds.items()
        ]

    def _of(self, name: str, *, statistic: str = "Sum", label: str | None = None) -> cloudwatch.Metric:
        return measured(name, self._model, statistic=statistic, label=label)

    def _create_alarms(self) -> tuple[cloudwatch.Alarm, ...]:
        name = self._serving.endpoint_name
        said = {
            CONTAINER_REFUSALS: f"A container of {name} refused to start: its log group says why, with the rule (docs/runbooks.md)",
            RESOLUTION_REFUSALS: f"A deployment of {name} was refused: the stack's events and the resolver's log say why",
            RESOLUTION_ERRORS: f"A release of {name} could not be resolved: look at the registry, AWS and the resolver's log",
        }
        return tuple(
            alarm_from_one(self, metric, metric=self._of(metric), description=description)
            for metric, description in said.items()
        )


class EnvironmentDashboard(Construct):
    """All models of an environment, its channel and its guards. `alarms` ring where releases have waited for a week.

    The dashboard is called `weighbridge-ENVIRONMENT`. What is not deployed shows nothing.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment_name: str,
        channel_name: str,
        models: Sequence[ShownModel],
        has_queue: bool = False,
        running_log: logs.ILogGroup | None = None,
    ) -> None:
        """Create the dashboard.

        Args:
            environment_name: name of the environment, as reconciler and auditor measure.
            channel_name: the channel that it follows.
            models: its models.
            has_queue: whether the reconciler counts who waits in the channel before.
            running_log: the reconciler's log group, for a table of what runs; default: no table.
        """
        super().__init__(scope, construct_id)
        self._environment = {"Environment": environment_name}
        self._channel = channel_name
        self._models = tuple(models)
        self.dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=resource_name("weighbridge", environment_name)
        )
        if running_log is not None:
            self.dashboard.add_widgets(_table_of_running(running_log))
        running = [
            measured(
                RUNNING_PROMOTION,
                {**self._environment, "Endpoint": each.endpoint_name},
                statistic="Maximum",
                label=each.name,
            )
            for each in self._models
        ]
        queue = [_graph("Releases that wait for promotion", self._each(UNPROMOTED_RELEASES, statistic="Maximum"))]
        self.dashboard.add_widgets(_graph("Promotions now running, by number", running), *(queue if has_queue else []))
        self.dashboard.add_widgets(
            _graph("Starts that were refused", self._each(CONTAINER_REFUSALS)),
            _graph("Deployments that were refused", self._each(RESOLUTION_REFUSALS)),
            _graph("Errors of resolvers", self._each(RESOLUTION_ERRORS)),
        )
        self.dashboard.add_widgets(
            _graph("Milliseconds until loaded", self._each(LOAD_MILLISECONDS, statistic="Maximum")),
            _graph("Bytes verified", self._each(VERIFIED_BYTES)),
            _graph("Alarms of resolutions", self._each(RESOLUTION_ALARMS)),
        )
        self.dashboard.add_widgets(self._guards(), self._validity(), _token_ages())
        self.alarms = tuple(self._alarm_of_waiting(each) for each in self._models) if has_queue else ()

    def _each(self, name: str, *, statistic: str = "Sum") -> list[cloudwatch.Metric]:
        return [
            measured(name, {"Channel": self._channel, "Model": each.name}, statistic=statistic, label=each.name)
            for each in self._models
        ]

    def _guards(self) -> cloudwatch.IWidget:
        names = (ENDPOINTS_CHECKED, SEVERE_FINDINGS, REVOKED_RUNNING, AUDITED_RELEASES, AUDIT_FINDINGS)
        found = [
            measured(name, self._environment, statistic="Maximum", period=cdk.Duration.minutes(15)) for name in names
        ]
        return _graph("Reconciler and auditor", found)

    def _validity(self) -> cloudwatch.IWidget:
        found = [
            measured(name, {"Channel": self._channel}, statistic="Minimum", period=cdk.Duration.hours(1))
            for name in (HOURS_UNTIL_EXPIRY, HOURS_UNTIL_RENEWAL)
        ]
        return _graph("Hours for which the channel is believed", found)

    def _alarm_of_waiting(self, model: ShownModel) -> cloudwatch.Alarm:
        dimensions = {"Channel": self._channel, "Model": model.name}
        return alarm_from_one(
            Construct(self, model.name),
            "Waiting",
            metric=measured(UNPROMOTED_RELEASES, dimensions, statistic="Minimum", period=cdk.Duration.days(1)),
            periods=WAITING_DAYS,
            description=f"Releases of {model.name} have waited for {WAITING_DAYS} days before {self._channel}: promote the "
            "newest, or revoke what should not go on",
        )


def _graph(title: str, metrics: Sequence[cloudwatch.Metric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=WIDTH, height=HEIGHT)


def _token_ages() -> cloudwatch.IWidget:
    # Secrets get their full names from Secrets Manager; a search finds all that are looked after in this account.
    found = cloudwatch.SearchExpression(
        expression=f"SEARCH('{{{NAMESPACE},Secret}} MetricName=\"{TOKEN_AGE_HOURS}\"', 'Maximum', 3600)",
        period=cdk.Duration.hours(1),
    )
    return cloudwatch.GraphWidget(title="Age of registry tokens, in hours", left=[found], width=WIDTH, height=HEIGHT)


def _table_of_running(group: logs.ILogGroup) -> cloudwatch.IWidget:
    return cloudwatch.LogQueryWidget(
        title="What runs: version and digest",
        log_group_names=[group.log_group_name],
        view=cloudwatch.LogQueryVisualizationType.TABLE,
        query_lines=[
            'filter event = "running"',
            "stats latest(version) as Version, latest(release) as Release, latest(release_id) as Promotion, "
            "latest(@timestamp) as Seen by Endpoint, place",
        ],
        width=3 * WIDTH,
        height=HEIGHT,
    )
