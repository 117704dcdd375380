"""Write weighbridge/instance_types.json: which types there are from botocore's model, the rest from the tables below.

Accelerators and EFA: https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html; disks:
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/InstanceStorage.html. A type that is in no table is one of which
nothing is claimed.

Usage: .venv/bin/python tools/generate_instance_types.py
"""

from __future__ import annotations

import json
from pathlib import Path

import botocore
import botocore.session
from botocore.model import ServiceModel, StringShape

TARGET = Path(__file__).resolve().parent.parent / "weighbridge" / "instance_types.json"
SHAPES = {"hosting": "ProductionVariantInstanceType", "training": "TrainingInstanceType"}

# fmt: off
# family: (accelerator, GiB of memory of each, size: how many)
ACCELERATORS: dict[str, tuple[str, int, dict[str, int]]] = {
    "g4dn": ("NVIDIA T4", 16, {"xlarge": 1, "2xlarge": 1, "4xlarge": 1, "8xlarge": 1, "12xlarge": 4, "16xlarge": 1}),
    "g5": ("NVIDIA A10G", 24, {"xlarge": 1, "2xlarge": 1, "4xlarge": 1, "8xlarge": 1, "12xlarge": 4, "16xlarge": 1,
                               "24xlarge": 4, "48xlarge": 8}),
    "g6": ("NVIDIA L4", 22, {"xlarge": 1, "2xlarge": 1, "4xlarge": 1, "8xlarge": 1, "12xlarge": 4, "16xlarge": 1,
                             "24xlarge": 4, "48xlarge": 8}),
    "g6e": ("NVIDIA L40S", 44, {"xlarge": 1, "2xlarge": 1, "4xlarge": 1, "8xlarge": 1, "12xlarge": 4, "16xlarge": 1,
                                "24xlarge": 4, "48xlarge": 8}),
    "p3": ("NVIDIA V100", 16, {"2xlarge": 1, "8xlarge": 4, "16xlarge": 8}),
    "p3dn": ("NVIDIA V100", 32, {"24xlarge": 8}),
    "p4d": ("NVIDIA A100", 40, {"24xlarge": 8}),
    "p4de": ("NVIDIA A100", 80, {"24xlarge": 8}),
    "p5": ("NVIDIA H100", 80, {"4xlarge": 1, "48xlarge": 8}),
    "p5e": ("NVIDIA H200", 141, {"48xlarge": 8}),
    "p5en": ("NVIDIA H200", 141, {"48xlarge": 8}),
    "inf2": ("AWS Inferentia2", 32, {"xlarge": 1, "8xlarge": 1, "24xlarge": 6, "48xlarge": 12}),
    "trn1": ("AWS Trainium", 32, {"2xlarge": 1, "32xlarge": 16}),
    "trn1n": ("AWS Trainium", 32, {"32xlarge": 16}),
    "trn2": ("AWS Trainium2", 96, {"48xlarge": 16}),
}
NVME_FAMILIES = frozenset(
    ("c5d", "c6gd", "m5d", "m6gd", "r5d", "r6gd", "r7gd", "dl1", "g4dn", "g5", "g6", "g6e", "g7", "g7e", "p3dn",
     "p4d", "p4de", "p5", "p5e", "p5en", "p6-b200", "p6-b300", "p6e-gb200", "trn1", "trn1n", "trn2")
)
# Disks of one instance in GB (10^9 bytes), where they are sure and small enough to matter.
NVME_GB = {
    "ml.g4dn.xlarge": 125, "ml.g4dn.2xlarge": 225, "ml.g4dn.4xlarge": 225, "ml.g4dn.8xlarge": 900,
    "ml.g4dn.12xlarge": 900, "ml.g4dn.16xlarge": 900,
    "ml.g5.xlarge": 250, "ml.g5.2xlarge": 450, "ml.g5.4xlarge": 600, "ml.g5.8xlarge": 900,
    "ml.g6.xlarge": 250, "ml.g6.2xlarge": 450, "ml.g6.4xlarge": 600, "ml.g6.8xlarge": 900,
}
EFA = {
    "g4dn": ("8xlarge", "12xlarge", "16xlarge"), "g5": ("8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge"),
    "g6": ("8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge"),
    "g6e": ("8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge"),
    "p3dn": ("24xlarge",), "p4d": ("24xlarge",), "p4de": ("24xlarge",), "p5": ("48xlarge",), "p5e": ("48xlarge",),
    "p5en": ("48xlarge",), "trn1": ("32xlarge",), "trn1n": ("32xlarge",), "trn2": ("48xlarge",),
}
# fmt: on


def known_values(service: ServiceModel, name: str) -> list[str]:
    """Return the values of an enumeration, sorted."""
    shape = service.shape_for(name)
    assert isinstance(shape, StringShape), name
    return sorted(shape.enum)


def main() -> None:
    service = botocore.session.get_session().get_service_model("sagemaker")
    uses = {use: known_values(service, shape) for use, shape in SHAPES.items()}
    every = sorted({name for names in uses.values() for name in names})
    content = {
        "source": f"botocore {botocore.__version__} sagemaker {service.api_version}: {', '.join(SHAPES.values())}",
        **uses,
        "accelerators": {
            f"ml.{family}.{size}": {"kind": kind, "count": count, "memory_gib": memory}
            for family, (kind, memory, sizes) in ACCELERATORS.items()
            for size, count in sizes.items()
            if f"ml.{family}.{size}" in every
        },
        "nvme": [name for name in every if name.split(".")[1] in NVME_FAMILIES],
        "nvme_gb": {name: size for name, size in NVME_GB.items() if name in every},
        "efa": [name for name in every if name.split(".")[2] in EFA.get(name.split(".")[1], ())],
    }
    TARGET.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {', '.join(f'{len(content[use])} {use}' for use in SHAPES)}")


if __name__ == "__main__":
    main()
