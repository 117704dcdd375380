"""WB-M3: A container outside a VPC reaches the internet, and nothing holds back what it sends."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.checks.rule import MODEL, Properties, Rule, mapping


def check(model: Properties) -> Iterator[str]:
    """Yield VpcConfig when it is missing, or names no subnet or no security group."""
    config = mapping(model.get("VpcConfig"))
    if not config.get("Subnets") or not config.get("SecurityGroupIds"):
        yield "VpcConfig"


RULE = Rule(
    id="WB-M3",
    kinds=(MODEL,),
    reason="A container outside a VPC reaches the internet, and nothing holds back what it sends.",
    fix="Give VpcConfig with subnets and security groups, such as those of PrivateNetwork.placement.",
    check=check,
)
