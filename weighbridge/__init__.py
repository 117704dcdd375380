"""weighbridge: a governed supply chain for AI models on AWS.

The library that the CLI, the Lambda functions and the containers share. It imports neither `aws_cdk` nor anything
above it; the constructs live beside it in the package `weighbridge_cdk`.
"""

__version__ = "0.1.0"
