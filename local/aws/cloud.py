"""Put the local AWS together: MiniStack, the resource types that it lacks, and the events of services."""

from __future__ import annotations

from local.aws.emulator import Emulator
from local.aws.handler import JsonObject
from local.aws.hooks import Hooks
from local.aws.resources.adapted import adapt_secret, adapt_vpc
from local.aws.resources.flow_log import FlowLogHandler
from local.aws.resources.lambda_hook import LambdaHookHandler
from local.aws.resources.lifecycle_config import NotebookLifecycleConfigHandler, StudioLifecycleConfigHandler
from local.aws.resources.sagemaker import EndpointConfigHandler, EndpointHandler, ModelHandler
from local.aws.resources.secrets import RotationScheduleHandler, SecretPolicyHandler
from local.aws.resources.security_group_rule import SecurityGroupRuleHandler
from local.aws.rotation import Rotation
from local.aws.scope import Scope
from local.aws.training_task import RESOURCE, run_training_job
from local.sagemaker.service import LocalSageMaker

# Types that hooks are asked about before they are created or updated; of MiniStack's own types, none is.
GOVERNED = ("AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Endpoint")
# How long an answer may be on its way after the function that sent it has ended.
ANSWER_SECONDS = 5.0


def extend(emulator: Emulator, *, sagemaker: LocalSageMaker, scope: Scope) -> None:
    """Teach MiniStack what this app's templates need, and let stacks report their status as events."""
    emulator.add_handler(FlowLogHandler())
    emulator.add_handler(SecurityGroupRuleHandler("Ingress"))
    emulator.add_handler(SecurityGroupRuleHandler("Egress"))
    emulator.add_handler(ModelHandler(sagemaker))
    emulator.add_handler(EndpointConfigHandler(sagemaker))
    emulator.add_handler(EndpointHandler(sagemaker))
    emulator.add_handler(StudioLifecycleConfigHandler(account=scope.account, region=scope.region))
    emulator.add_handler(NotebookLifecycleConfigHandler(account=scope.account, region=scope.region))
    hooks = Hooks(invoke=emulator.invoke)
    emulator.add_handler(LambdaHookHandler(hooks, account=scope.account, region=scope.region))
    emulator.before(GOVERNED, hooks.check)
    emulator.add_task(RESOURCE, lambda arguments: run_training_job(sagemaker, arguments))
    rotation = Rotation(invoke=emulator.invoke)
    rotation.install()
    emulator.add_handler(RotationScheduleHandler(rotation))
    emulator.add_handler(SecretPolicyHandler())
    emulator.adapt("AWS::EC2::VPC", adapt_vpc)
    emulator.adapt("AWS::SecretsManager::Secret", adapt_secret)

    emulator.end_silent_waits(seconds=ANSWER_SECONDS)
    emulator.repeat_events()
    emulator.describe_resolved_parameters()

    def report_stack(stack_id: str, status: str, reason: str) -> None:
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/eventbridge-integration.html
        emulator.put_event(
            source="aws.cloudformation",
            detail_type="CloudFormation Stack Status Change",
            detail={"stack-id": stack_id, "status-details": {"status": status, "status-reason": reason}},
            resources=[stack_id],
        )

    emulator.on_stack_status(report_stack)


def report_training_job(emulator: Emulator, detail: JsonObject) -> None:
    """Put the event of a training job's change of state; `detail` is what DescribeTrainingJob answers.

    https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
    """
    emulator.put_event(
        source="aws.sagemaker",
        detail_type="SageMaker Training Job State Change",
        detail=detail,
        resources=[str(detail["TrainingJobArn"])],
    )
