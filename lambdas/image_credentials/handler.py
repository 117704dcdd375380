"""SageMaker asks how to log in to the registry that a container's image lies in."""

from __future__ import annotations

import os
from collections.abc import Mapping

import boto3

from weighbridge.cloud import SHORT
from weighbridge.environment import registry_url, required
from weighbridge.registry import open_origin, read_origin

Answer = Mapping[str, Mapping[str, str]]


def handler(_event: Mapping[str, object], _context: object) -> Answer:
    """Return user name and token; what is asked for is not in the event.

    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-containers-inference-private.html
    """
    url = registry_url(os.environ, "WEIGHBRIDGE_REGISTRY_URL")
    username = required(os.environ, "WEIGHBRIDGE_REGISTRY_USERNAME")
    tokens = open_origin(read_origin(os.environ), url=url, session=boto3.Session(), config=SHORT)
    return {"Credentials": {"Username": username, "Password": tokens.token()}}
