"""A CloudFormation Lambda Hook that refuses models, configs, endpoints and components outside the supply chain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from constructs import Construct
from weighbridge.admission import KINDS, Pins
from weighbridge.admission.hook import NOT_JUDGED
from weighbridge.errors import InputError
from weighbridge.metrics import ADMISSION_NOT_JUDGED, NAMESPACE
from weighbridge.names import check_name
from weighbridge_cdk.acknowledgements import acknowledge
from weighbridge_cdk.alarms import alarm_from_one, alarm_of_failures
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.network import NetworkPlacement
from weighbridge_cdk.promoted_model import ChannelPin
from weighbridge_cdk.resolution_records import ResolutionRecords

# CloudFormation waits 30 seconds for an answer, and takes none for a failure.
FUNCTION_TIMEOUT = cdk.Duration.seconds(29)
MOST_STACKS = 50
_STACK = re.compile(r"[a-zA-Z*?][-a-zA-Z0-9*?]{0,127}")


class AdmissionHook(Construct):
    """The hook, its function, and `alarms` that ring when the function fails or cannot judge.

    It sees what goes through CloudFormation and Cloud Control, and nothing else. Start with `failure_mode="WARN"`: refusals
    are then warnings in the stack's events. The same rules as GovernedModelChecks, on resolved values, and besides them the
    release: accepted in this environment, not revoked, its own image.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment_name: str,
        channel: ChannelPin,
        registry_url: str,
        records: ResolutionRecords,
        failure_mode: Literal["WARN", "FAIL"] = "WARN",
        only_stacks: Sequence[str] = (),
        except_stacks: Sequence[str] = (),
        placement: NetworkPlacement | None = None,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the hook. There is one of a name in an account and region.

        Args:
            environment_name: name of the environment; the hook is `Weighbridge::Admission::NAME`, without other signs.
            channel: the channel that containers have to name, and its pinned root.
            registry_url: the registry that containers have to name; ends in `/artifactory`.
            records: what the environment accepted.
            failure_mode: `WARN` lets through what is refused, with a warning; `FAIL` stops it.
            only_stacks: names of the stacks that the hook is for, `*` and `?` allowed; default: all.
            except_stacks: names of stacks that it leaves alone, such as another environment's in the same account.
            placement: the VPC to run in; default: none.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.

        Raises:
            InputError: for a name of a stack that CloudFormation would not take, or more than 50.
        """
        super().__init__(scope, construct_id)
        check_name(environment_name, field="environment_name")
        for name, stacks in (("only_stacks", only_stacks), ("except_stacks", except_stacks)):
            _check_stacks(stacks, field=name)
        pins = Pins(channel=channel.name, root=channel.root_digest, registry_url=registry_url)
        self.judge = LibraryFunction(
            self,
            "Function",
            handler="admission_hook",
            description=f"Admits models of releases that {environment_name} accepted, and refuses all others",
            timeout=FUNCTION_TIMEOUT,
            memory_size=1024,
            environment={
                **pins.variables(),
                "WEIGHBRIDGE_ENVIRONMENT": environment_name,
                "WEIGHBRIDGE_ACCEPTANCE_TABLE": records.acceptances.table_name,
            },
            placement=placement,
            layer=layer,
            log_retention=log_retention,
        )
        self.judge.role.add_managed_policy(records.reading)
        descriptions = self._allow_descriptions()
        role = self._create_role()
        self.hook = cdk.CfnLambdaHook(
            self,
            "Hook",
            alias=f"Weighbridge::Admission::{_alias_part(environment_name)}",
            execution_role=role.role_arn,
            failure_mode=failure_mode,
            hook_status="ENABLED",
            lambda_function=self.judge.function.function_arn,
            target_operations=["RESOURCE", "CLOUD_CONTROL"],
            target_filters=cdk.CfnLambdaHook.TargetFiltersProperty(
                targets=[
                    cdk.CfnLambdaHook.HookTargetProperty(
                        target_name=kind, action=action, invocation_point="PRE_PROVISION"
                    )
                    for kind in KINDS
                    for action in ("CREATE", "UPDATE")
                ]
            ),
            stack_filters=_stack_filters(only_stacks, except_stacks),
        )
        # The role's right and the function's have to be there before the first call.
        self.hook.node.add_dependency(role, self.judge, descriptions)
        self.alarms = self._create_alarms(environment_name)

    def _create_alarms(self, environment_name: str) -> tuple[cloudwatch.Alarm, ...]:
        period = cdk.Duration.minutes(5)
        unjudged = logs.MetricFilter(
            self,
            "Unjudged",
            log_group=self.judge.log_group,
            filter_pattern=logs.FilterPattern.string_value("$.event", "=", NOT_JUDGED),
            metric_namespace=NAMESPACE,
            metric_name=f"{ADMISSION_NOT_JUDGED}-{environment_name}",
        )
        description = f"The admission hook of {environment_name} could not judge: its function's log says why"
        # A function that ended answers nothing; one that could not judge answers with a refusal.
        return (
            alarm_of_failures(self, function=self.judge.function, description=description, period=period),
            alarm_from_one(
                self, "NotJudged", metric=unjudged.metric(period=period, statistic="Sum"), description=description
            ),
        )

    def _allow_descriptions(self) -> iam.Policy:
        stack = cdk.Stack.of(self)
        arns = [
            stack.format_arn(service="sagemaker", resource=kind, resource_name="*")
            for kind in ("endpoint-config", "model")
        ]
        # A stack that is being rolled back is not stopped.
        stacks = stack.format_arn(service="cloudformation", resource="stack", resource_name="*")
        policy = iam.Policy(
            self,
            "Descriptions",
            statements=[
                iam.PolicyStatement(actions=["sagemaker:DescribeEndpointConfig"], resources=[arns[0]]),
                iam.PolicyStatement(actions=["sagemaker:DescribeModel"], resources=[arns[1]]),
                iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[stacks]),
            ],
            roles=[self.judge.role],
        )
        for arn in arns:
            acknowledge(policy, "what-anybody-made", resource=arn)
        acknowledge(policy, "stacks-that-the-hook-is-asked-about", resource=stacks)
        return policy

    def _create_role(self) -> iam.Role:
        # https://docs.aws.amazon.com/cloudformation-cli/latest/hooks-userguide/lambda-hooks-prepare-to-create-hook.html
        return iam.Role(
            self,
            "Role",
            description="CloudFormation's hook calls the function with it",
            assumed_by=iam.ServicePrincipal("hooks.cloudformation.amazonaws.com"),
            inline_policies={
                "Call": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            actions=["lambda:InvokeFunction"], resources=[self.judge.function.function_arn]
                        )
                    ]
                )
            },
        )


def _alias_part(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9]", "", name).capitalize()
    return plain if len(plain) > 1 else f"Env{plain}"


def _check_stacks(stacks: Sequence[str], *, field: str) -> None:
    if len(stacks) > MOST_STACKS:
        raise InputError(f"{field}: {len(stacks)} names: a hook takes at most {MOST_STACKS}, use '*'")
    for name in stacks:
        if not _STACK.fullmatch(name):
            raise InputError(f"{field}: {name!r} is no stack's name: use letters, digits, '-', '*' and '?'")


def _stack_filters(only: Sequence[str], excepted: Sequence[str]) -> cdk.CfnLambdaHook.StackFiltersProperty | None:
    if not only and not excepted:
        return None
    return cdk.CfnLambdaHook.StackFiltersProperty(
        filtering_criteria="ALL",
        stack_names=cdk.CfnLambdaHook.StackNamesProperty(include=list(only) or None, exclude=list(excepted) or None),
    )
