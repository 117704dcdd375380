"""From a training job to the first channel as one state machine: train, register, inspect, publish."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn

from constructs import Construct
from weighbridge.errors import InputError
from weighbridge.jobs.request import INPUT
from weighbridge.jobs.tags import PIPELINE_TAG
from weighbridge_cdk.acknowledgements import ANY_RESOURCE, acknowledge
from weighbridge_cdk.governed_training import GovernedTraining
from weighbridge_cdk.pipeline_states import Steps, Train, definition
from weighbridge_cdk.registrar import Registrar


class TrainingPipeline(Construct):
    """A state machine for jobs that it starts itself, and for all others when they end, each registered once.

    It may start jobs with the governed request alone and pass no role but the jobs'. It signs nothing: each step is a
    function with a role of its own. What fails is told on the registrar's topic, and the execution can be redriven.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        registrar: Registrar,
        jobs: GovernedTraining | None = None,
        image: str | None = None,
        channels: Mapping[str, str] | None = None,
        inspector: lambda_.IFunction | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
    ) -> None:
        """Create state machine and rule.

        Args:
            registrar: what registers, publishes and tells; made with `listens=False`, or jobs are handled twice.
            jobs: what jobs are started as, with `compute` and `placement`; default: the machine starts none.
            image: what jobs run, `HOST/PATH@sha256:HEX`; needed with `jobs`.
            channels: folders below `input/` by channel name, for runs that name no channels.
            inspector: a function that inspects a registered release; default: none is inspected here.
            log_retention: how long the machine's log, which holds no input and output, is kept.

        Raises:
            InputError: rule `input.training-request`, when one of `jobs` and `image` is missing, or `jobs` is incomplete.
        """
        super().__init__(scope, construct_id)
        if (jobs is None) != (image is None):
            raise InputError(f"{self.node.path}: jobs and image: give both or none", rule="input.training-request")
        # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
        self.role = iam.Role(self, "Role", assumed_by=_for_this_account("states.amazonaws.com"))
        self._allow_steps(registrar, inspector=inspector)
        train = None
        if jobs is not None and image is not None:
            self._allow_jobs(jobs)
            train = _train(jobs, image=image, channels=channels or {})
        self.state_machine = self._create_machine(
            Steps(
                partition=cdk.Aws.PARTITION,
                registrar=registrar.registrar.function.function_arn,
                topic=registrar.notices.topic_arn,
                inspector=None if inspector is None else inspector.function_arn,
            ),
            train=train,
            log_retention=log_retention,
        )
        self.rule = self._create_rule(registrar)
        self.failures = self._create_alarm()

    def _create_machine(
        self, steps: Steps, *, train: Train | None, log_retention: logs.RetentionDays
    ) -> sfn.StateMachine:
        text = cdk.Stack.of(self).to_json_string(definition(steps=steps, train=train, pipeline=self.node.path))
        machine = sfn.StateMachine(
            self,
            "Machine",
            definition_body=sfn.DefinitionBody.from_string(text),
            role=self.role,
            comment="Train, register, inspect, publish",
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=logs.LogGroup(
                    self,
                    "Logs",
                    retention=log_retention,
                    removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
                ),
                level=sfn.LogLevel.ALL,
                include_execution_data=False,
            ),
        )
        acknowledge(self.role, "log-delivery-and-traces", resource=ANY_RESOURCE)
        return machine

    def _allow_steps(self, registrar: Registrar, *, inspector: lambda_.IFunction | None) -> None:
        functions = [registrar.registrar.function.function_arn]
        if inspector is not None:
            functions.append(inspector.function_arn)
        self._allow("lambda:InvokeFunction", resources=functions)
        self._allow("sns:Publish", resources=[registrar.notices.topic_arn])
        self._allow("kms:Decrypt", "kms:GenerateDataKey", resources=[registrar.notices_key.key_arn])

    def _allow_jobs(self, jobs: GovernedTraining) -> None:
        # https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html (policies of .sync)
        stack = cdk.Stack.of(self)
        names = stack.format_arn(service="sagemaker", resource="training-job", resource_name="*")
        statements = [
            iam.PolicyStatement(
                actions=[
                    "sagemaker:AddTags",
                    "sagemaker:CreateTrainingJob",
                    "sagemaker:DescribeTrainingJob",
                    "sagemaker:ListTags",
                    "sagemaker:StopTrainingJob",
                ],
                resources=[names],
            ),
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[jobs.role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
            ),
            iam.PolicyStatement(
                actions=["events:DescribeRule", "events:PutRule", "events:PutTargets"],
                resources=[
                    stack.format_arn(
                        service="events",
                        resource="rule",
                        resource_name="StepFunctionsGetEventsForSageMakerTrainingJobsRule",
                    )
                ],
            ),
        ]
        policy = iam.Policy(self, "Jobs", statements=statements, roles=[self.role])
        acknowledge(policy, "started-training-jobs", resource=names)

    def _allow(self, *actions: str, resources: list[str]) -> None:
        self.role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=resources))

    def _create_rule(self, registrar: Registrar) -> events.Rule:
        return events.Rule(
            self,
            "Ended",
            description="A training job ended that the state machine did not start",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Training Job State Change"],
                detail={
                    "TrainingJobStatus": ["Completed", "Failed", "Stopped"],
                    "Tags": {PIPELINE_TAG: [{"exists": False}]},
                },
            ),
            targets=[
                targets.SfnStateMachine(
                    self.state_machine,
                    role=iam.Role(self, "Starts", assumed_by=_for_this_account("events.amazonaws.com")),
                    input=events.RuleTargetInput.from_object(
                        {"training_job": events.EventField.from_path("$.detail.TrainingJobName")}
                    ),
                    dead_letter_queue=registrar.lost_events,
                    retry_attempts=185,
                    max_event_age=cdk.Duration.hours(24),
                )
            ],
        )

    def _create_alarm(self) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            "Failures",
            alarm_description="A training job brought no release: see its execution and the notice about it",
            metric=self.state_machine.metric_failed(period=cdk.Duration.minutes(5), statistic="Sum"),
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            threshold=0,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )


def _train(jobs: GovernedTraining, *, image: str, channels: Mapping[str, str]) -> Train:
    bucket = jobs.data.bucket_name
    return Train(
        request=jobs.request(image=image),
        compute=jobs.compute,
        bucket=bucket,
        channels={name: f"s3://{bucket}/{INPUT}{folder}" for name, folder in channels.items()},
    )


def _for_this_account(service: str) -> iam.ServicePrincipal:
    return iam.ServicePrincipal(service, conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}})
