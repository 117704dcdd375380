"""CloudFormation resource types that MiniStack lacks, or that it has otherwise than AWS."""
