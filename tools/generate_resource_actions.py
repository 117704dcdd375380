"""Write weighbridge/guard/resource_actions.json: what CloudFormation calls to make, change, read and delete each type of resource.

From the handlers in CloudFormation's own resource schemas, as cfn-lint ships them. Left out is what the schemas name for features
that no stack of weighbridge uses, and what would read or write the data in a resource.

Usage: .venv/bin/python tools/generate_resource_actions.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import cfnlint  # type: ignore[import-untyped]

TARGET = Path(__file__).resolve().parent.parent / "weighbridge" / "guard" / "resource_actions.json"
SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas" / "resources"

# fmt: off
TYPES = (
    "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudFormation::LambdaHook", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::DynamoDB::Table",
    "AWS::EC2::FlowLog", "AWS::EC2::Route", "AWS::EC2::RouteTable", "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::TransitGatewayAttachment", "AWS::EC2::VPC", "AWS::EC2::VPCEndpoint",
    "AWS::EC2::VPCPeeringConnection", "AWS::Events::EventBus", "AWS::Events::EventBusPolicy", "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::KMS::Alias", "AWS::KMS::Key",
    "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::Function", "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission", "AWS::Logs::LogGroup", "AWS::Logs::MetricFilter", "AWS::Route53::HostedZone",
    "AWS::Route53::RecordSet", "AWS::Route53Resolver::ResolverRuleAssociation", "AWS::S3::Bucket", "AWS::S3::BucketPolicy",
    "AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "AWS::SSM::Parameter",
    "AWS::SageMaker::Endpoint", "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::InferenceComponent", "AWS::SageMaker::Model",
    "AWS::SageMaker::NotebookInstanceLifecycleConfig", "AWS::SageMaker::StudioLifecycleConfig",
    "AWS::SecretsManager::ResourcePolicy", "AWS::SecretsManager::RotationSchedule", "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::StateMachine",
)
LEFT_OUT = re.compile("|".join((
    # Other services, for features that are not used.
    r"(autoscaling|elasticfilesystem|firehose|kinesis|s3files|s3tables|vpc-lattice|vpce):.*",
    # What lies in a table, a bucket, a secret, a log or a queue.
    r"dynamodb:(BatchWrite|Delete|Get|Put|Update)Item|dynamodb:(Query|Scan|ImportTable)|secretsmanager:(Get(SecretValue|RandomPassword))",
    r"s3:(DeleteObject|PutObjectAcl|GetObjectMetadata|ListBucket|REST\.PUT\.OBJECT)|logs:(CreateLogStream|PutLogEvents)",
    # Copies of data elsewhere, and doors to it.
    r"dynamodb:.*(Replica|Kinesis|ContributorInsights|Import).*|secretsmanager:.*Replica.*",
    r"s3:(Put|Delete|Create|Update)(Bucket)?.*(Abac|Acl|Accelerate|Analytics|CORS|Cors|IntelligentTiering|Inventory|Metadata|Metrics|"
    r"Replication|Website).*",
    r"logs:(PutBearerTokenAuthentication|(Put|Delete)(DataProtection|Index)Policy)|sns:(Subscribe|Unsubscribe)",
    # Users and groups, which no stack makes; boundaries, which a stack must not take away.
    r"iam:.*(User|Group)Policy|iam:(Put|Delete)RolePermissionsBoundary",
    r"lambda:.*(ProvisionedConcurrency|CodeSigning|CapacityProvider|ScalingConfig).*|route53:(Create|Delete)QueryLoggingConfig",
    r"ec2:.*VpcEncryptionControl.*|ec2:ModifyVpcTenancy|application-autoscaling:(Put|Delete)ScheduledAction|sts:AssumeRole",
)))
# fmt: on


def actions() -> dict[str, list[str]]:
    """Return the actions of each type, sorted.

    Raises:
        LookupError: when cfn-lint knows no handlers of a type.
    """
    found: dict[str, set[str]] = {kind: set() for kind in TYPES}
    for path in SCHEMAS.glob("*.json"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        if schema.get("typeName") in found:
            for handler in schema.get("handlers", {}).values():
                found[schema["typeName"]] |= set(handler.get("permissions", ()))
    for kind, named in found.items():
        if not named:
            raise LookupError(f"{kind}: cfn-lint {cfnlint.__version__} knows no handlers of it")
    return {
        kind: sorted(action for action in named if not LEFT_OUT.fullmatch(action))
        for kind, named in sorted(found.items())
    }


def main() -> None:
    TARGET.write_text(json.dumps(actions(), indent=1) + "\n", encoding="utf-8")
    print(TARGET)


if __name__ == "__main__":
    main()
