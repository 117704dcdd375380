"""After a failed rollout, set the release id back to what runs, so that the next deployment does not retry it."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm

from constructs import Construct
from weighbridge_cdk.library_function import LibraryFunction
from weighbridge_cdk.resolution_records import ResolutionRecords

FUNCTION_TIMEOUT = cdk.Duration.minutes(1)


class ReleaseWatcher(Construct):
    """An EventBridge rule on UPDATE_ROLLBACK_COMPLETE of the stack that it is in, and the function that it calls.

    CloudFormation rolls a stack's resources back, but not the value of an SSM parameter that it read: without this, the
    next deployment would roll out the failed release again.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        channel_name: str,
        model_name: str,
        release_parameter: ssm.IStringParameter,
        records: ResolutionRecords,
        layer: lambda_.ILayerVersion | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create the watcher.

        Args:
            channel_name: the channel that the stack resolves from.
            model_name: name of the model in the channel.
            release_parameter: the SSM parameter that holds the release id.
            records: where the failed id is marked.
            layer: the function's dependencies; default: the stack's DependencyLayer.
            log_retention: how long the function's logs are kept.
        """
        super().__init__(scope, construct_id)
        self.watcher = LibraryFunction(
            self,
            "Watcher",
            handler="release_watcher",
            description=f"Sets the release id of {model_name} back after a failed rollout",
            timeout=FUNCTION_TIMEOUT,
            environment={
                "WEIGHBRIDGE_ACCEPTANCE_TABLE": records.acceptances.table_name,
                "WEIGHBRIDGE_CHANNEL": channel_name,
                "WEIGHBRIDGE_RELEASE_PARAMETER": release_parameter.parameter_name,
                "WEIGHBRIDGE_MODEL": model_name,
            },
            layer=layer,
            log_retention=log_retention,
        )
        self.watcher.role.add_managed_policy(records.marking)
        self.watcher.allow(
            "ssm:GetParameter",
            "ssm:GetParameterHistory",
            "ssm:PutParameter",
            resources=[release_parameter.parameter_arn],
        )
        # What runs is what the stack itself says that it runs with.
        self.watcher.allow("cloudformation:DescribeStacks", resources=[cdk.Aws.STACK_ID])
        self.rule = events.Rule(
            self,
            "RolledBack",
            description=f"The stack that serves {model_name} was rolled back",
            event_pattern=events.EventPattern(
                source=["aws.cloudformation"],
                detail_type=["CloudFormation Stack Status Change"],
                detail={
                    "stack-id": [cdk.Aws.STACK_ID],
                    "status-details": {"status": ["UPDATE_ROLLBACK_COMPLETE"]},
                },
            ),
            targets=[targets.LambdaFunction(self.watcher.function)],
        )
