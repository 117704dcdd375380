"""Dashboards and alarms show what is written, and nothing else: names and dimensions are compared with the code that writes."""

from __future__ import annotations

import ast
import importlib
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import test_constructs_alone as alone
from template_view import Template, only, resources

from tools.synthesis import ROOT
from weighbridge import metrics
from weighbridge.errors import InputError
from weighbridge.metrics import DIMENSIONS, NAMESPACE
from weighbridge.pull.engine import PullReport
from weighbridge.pull.progress import write_metrics
from weighbridge_cdk import EndpointDashboard
from weighbridge_cdk.measured import measured

DASHBOARD = "AWS::CloudWatch::Dashboard"
# https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
OF_INSTANCES = {"CPUUtilization", "MemoryUtilization", "GPUUtilization", "GPUMemoryUtilization", "DiskUtilization"}
OF_REQUESTS = {"Invocations", "Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency"}


def body(template: Template) -> list[dict[str, Any]]:
    """The widgets of a stack's dashboard; what is known at deployment alone is `?`."""
    found = only(template, DASHBOARD)["Properties"]["DashboardBody"]
    text = (
        found
        if isinstance(found, str)
        else "".join(part if isinstance(part, str) else "?" for part in found["Fn::Join"][1])
    )
    widgets: list[dict[str, Any]] = json.loads(text)["widgets"]
    return widgets


def shown(template: Template) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of every metric that a dashboard shows."""
    for widget in body(template):
        for metric in widget["properties"].get("metrics", ()):
            words = [word for word in metric if isinstance(word, str)]
            if len(words) >= 2:
                yield words[0], words[1], dict(zip(words[2::2], words[3::2], strict=True))


def written() -> dict[str, set[tuple[str, ...]]]:
    """Every metric and its sets of dimensions, as the functions that call `embedded` write them."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for path in sorted(path for folder in ("weighbridge", "lambdas") for path in (ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            by = [
                keyword.value
                for call in calls
                if _name(call) == "embedded"
                for keyword in call.keywords
                if keyword.arg == "by"
            ]
            names = [call.args[0] for call in calls if _name(call) == "Measurement"]
            for name in names if by else ():
                assert isinstance(name, ast.Name), path
                sets = {tuple(each) for each in _sets(by[0], path)}
                found.setdefault(getattr(metrics, name.id), set()).update(sets)
    return found


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _sets(value: ast.expr, path: Path) -> list[list[str]]:
    if isinstance(value, ast.Name):
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        return list(getattr(module, value.id))
    return list(ast.literal_eval(value))


def pulled() -> dict[str, set[tuple[str, ...]]]:
    """What a pull writes."""
    out = io.StringIO()
    report = PullReport(files=1, bytes=1, bytes_kept=0, faults=0, seconds=1.0)
    write_metrics(report, model="minilm", version="1.0.0", out=out)
    (directive,) = json.loads(out.getvalue())["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == NAMESPACE
    return {each["Name"]: {tuple(names) for names in directive["Dimensions"]} for each in directive["Metrics"]}


def test_every_metric_that_is_known_is_written_by_these_dimensions() -> None:
    known = {name: set(sets) for name, sets in DIMENSIONS.items() if sets != ((),)}
    assert {**written(), **pulled()} == known


@pytest.mark.parametrize("stack", ["observability", "inference-minilm"])
@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_a_dashboard_shows_only_what_exists(templates: dict[str, Template], environment: str, stack: str) -> None:
    found = list(shown(templates[f"weighbridge-{environment}-{stack}"]))
    assert len(found) >= 10
    for namespace, name, dimensions in found:
        if namespace == NAMESPACE:
            assert tuple(sorted(dimensions)) in {tuple(sorted(each)) for each in DIMENSIONS[name]}, name
            assert {"Channel": environment, "Environment": environment, "Model": "minilm"}.items() >= {
                key: value for key, value in dimensions.items() if key != "Endpoint"
            }.items()
        elif namespace == "/aws/sagemaker/Endpoints":
            assert name in OF_INSTANCES
        else:
            assert (namespace, name in OF_REQUESTS) == ("AWS/SageMaker", True), name
        assert dimensions.get("Endpoint", f"weighbridge-{environment}-minilm") == f"weighbridge-{environment}-minilm"


def test_every_alarm_on_a_metric_of_ours_watches_one_that_exists(templates: dict[str, Template]) -> None:
    seen = set()
    for name, template in templates.items():
        filters = resources(template, "AWS::Logs::MetricFilter").values()
        filtered = {each["MetricName"] for one in filters for each in one["Properties"]["MetricTransformations"]}
        for alarm in resources(template, "AWS::CloudWatch::Alarm").values():
            properties = alarm["Properties"]
            if properties.get("Namespace") != NAMESPACE:
                continue
            metric, seen_by = (
                properties["MetricName"],
                tuple(sorted(each["Name"] for each in properties.get("Dimensions", ()))),
            )
            seen.add(metric)
            if metric not in filtered:
                assert seen_by in {tuple(sorted(each)) for each in DIMENSIONS[metric]}, f"{name}: {metric}"
    assert {metrics.CONTAINER_REFUSALS, metrics.RESOLUTION_REFUSALS, metrics.RESOLUTION_ERRORS} <= seen
    assert {metrics.UNPROMOTED_RELEASES, metrics.REVOKED_RUNNING, metrics.RESOLUTION_ALARMS} <= seen


def test_the_page_has_a_row_for_every_metric() -> None:
    page = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    part = page.partition("## Metrics\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.split("|")[1:4]] for line in part.splitlines() if line.startswith("| `")]
    by = {
        name.strip("`"): tuple(re.split(r"[,;] (?:and )?", dimensions)) if dimensions else ()
        for name, _, dimensions in cells
    }
    assert by == {name: tuple(dict.fromkeys(each for one in sets for each in one)) for name, sets in DIMENSIONS.items()}


def test_what_nobody_writes_cannot_be_shown() -> None:
    with pytest.raises(InputError, match="metric Loads: is not written by Environment"):
        measured(metrics.LOADS, {"Environment": "prod"})
    with pytest.raises(InputError, match="metric Made: is not written"):
        measured("Made", {"Channel": "prod"})


def test_an_endpoints_dashboard_says_what_is_deployed(inference: Template) -> None:
    text = next(each for each in body(inference) if each["type"] == "text")["properties"]["markdown"]
    assert text.startswith("# minilm ?\n\nrelease `?`\n\npromotion `?` of ?, channel prod")
    assert only(inference, DASHBOARD)["Properties"]["DashboardName"] == "weighbridge-prod-minilm"


def test_what_runs_is_a_table_of_the_reconcilers_lines(templates: dict[str, Template]) -> None:
    (table,) = [each for each in body(templates["weighbridge-prod-observability"]) if each["type"] == "log"]
    assert 'filter event = "running"' in table["properties"]["query"]
    assert "latest(version)" in table["properties"]["query"]


def test_the_queue_is_shown_and_watched_where_it_is_counted(templates: dict[str, Template]) -> None:
    for environment, counted in (("dev", False), ("staging", True), ("prod", False)):
        template = templates[f"weighbridge-{environment}-observability"]
        names = {name for _, name, _ in shown(template)}
        assert (metrics.UNPROMOTED_RELEASES in names) == counted
        assert bool(resources(template, "AWS::CloudWatch::Alarm")) == counted
    (alarm,) = resources(templates["weighbridge-staging-observability"], "AWS::CloudWatch::Alarm").values()
    properties = alarm["Properties"]
    assert (properties["EvaluationPeriods"], properties["Period"], properties["Statistic"]) == (7, 86400, "Minimum")


def test_the_reconciler_is_told_where_to_count(templates: dict[str, Template]) -> None:
    found = only(templates["weighbridge-staging-guard"], "AWS::Lambda::Function", starting="ReconcilerFunction")
    variables = found["Properties"]["Environment"]["Variables"]
    assert variables["WEIGHBRIDGE_MODELS"] == "minilm"
    assert variables["WEIGHBRIDGE_SOURCE_CHANNEL"] == "dev"
    assert variables["WEIGHBRIDGE_SOURCE_RECORDS_REPOSITORY"] == "ml-dev-records"


def test_only_instances_with_gpus_show_gpus(inference: Template) -> None:
    assert "GPUUtilization" not in {name for _, name, _ in shown(inference)}


def test_instances_with_gpus_show_them(
    new_stack: Callable[[], cdk.Stack], template_of: Callable[[cdk.Stack], Template]
) -> None:
    stack = new_stack()
    served = alone.endpoint(stack, instance_type="ml.g5.xlarge")
    EndpointDashboard(stack, "Dashboard", environment_name="prod", serving=served)
    found = {name: dimensions for _, name, dimensions in shown(template_of(stack))}
    assert (
        found["GPUUtilization"] == found["GPUMemoryUtilization"] == {"EndpointName": "Minilm", "VariantName": "primary"}
    )
