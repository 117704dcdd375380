"""The fast lane for notebooks: the SageMaker SDK's defaults config, and what brings it into a notebook when it starts."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_ssm as ssm

from constructs import Construct
from weighbridge.jobs.sdk_defaults import defaults_parameter, lifecycle_script, sdk_defaults
from weighbridge.names import Digest
from weighbridge_cdk.governed_training import GovernedTraining
from weighbridge_cdk.naming import resource_name

STUDIO_HOME = "/home/sagemaker-user"
NOTEBOOK_HOME = "/home/ec2-user"
SPACE_APPS = ("JupyterLab", "CodeEditor")


class SdkDefaults(Construct):
    """A parameter with the defaults, and lifecycle configurations: for the spaces of a Studio domain, and for notebook instances.

    An administrator attaches the lifecycle configurations to a domain or a notebook instance, and lets its role read the
    parameter (`grant_read`). Whoever works there writes nothing for a plain ModelTrainer to be governed.
    """

    def __init__(self, scope: Construct, construct_id: str, *, environment: str, jobs: GovernedTraining) -> None:
        """Create parameter and lifecycle configurations.

        Args:
            environment: name of the environment; the parameter is `/weighbridge/ENVIRONMENT/training/sdk-defaults`.
            jobs: what jobs are started as, with `placement`.

        Raises:
            InputError: rule `input.training-request`, when `jobs` has no placement.
        """
        super().__init__(scope, construct_id)
        self.parameter = ssm.StringParameter(
            self,
            "Parameter",
            parameter_name=defaults_parameter(environment),
            string_value=cdk.Stack.of(self).to_json_string(sdk_defaults(jobs.platform())),
            description="Defaults config of the SageMaker SDK",
            # Beyond 4,096 characters, with many proxied hosts in the environment, it costs some cents a month.
            tier=ssm.ParameterTier.INTELLIGENT_TIERING,
        )
        self.spaces = [
            sagemaker.CfnStudioLifecycleConfig(
                self,
                app,
                studio_lifecycle_config_app_type=app,
                # Everything about it is create-only, so another script needs another name.
                studio_lifecycle_config_name=resource_name("weighbridge", environment, app.lower(), _mark(environment)),
                studio_lifecycle_config_content=self._script(environment, home=STUDIO_HOME),
            )
            for app in SPACE_APPS
        ]
        self.notebooks = sagemaker.CfnNotebookInstanceLifecycleConfig(
            self,
            "Notebooks",
            on_start=[
                sagemaker.CfnNotebookInstanceLifecycleConfig.NotebookInstanceLifecycleHookProperty(
                    content=self._script(environment, home=NOTEBOOK_HOME)
                )
            ],
        )

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a notebook's role fetch the defaults."""
        return self.parameter.grant_read(grantee)

    def _script(self, environment: str, *, home: str) -> str:
        region = cdk.Stack.of(self).region
        return cdk.Fn.base64(lifecycle_script(parameter=defaults_parameter(environment), region=region, home=home))


def _mark(environment: str) -> str:
    script = lifecycle_script(parameter=defaults_parameter(environment), region="", home=STUDIO_HOME)
    return Digest.of(script.encode()).hex[:8]
