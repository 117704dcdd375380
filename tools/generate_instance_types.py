"""Write weighbridge/instance_types.json from botocore's own model of the SageMaker API.

Usage: .venv/bin/python tools/generate_instance_types.py
"""

from __future__ import annotations

import json
from pathlib import Path

import botocore
import botocore.session
from botocore.model import ServiceModel, StringShape

TARGET = Path(__file__).resolve().parent.parent / "weighbridge" / "settings" / "instance_types.json"
SHAPES = {"hosting": "ProductionVariantInstanceType", "training": "TrainingInstanceType"}


def known_values(service: ServiceModel, name: str) -> list[str]:
    """Return the values of an enumeration, sorted."""
    shape = service.shape_for(name)
    assert isinstance(shape, StringShape), name
    return sorted(shape.enum)


def main() -> None:
    service = botocore.session.get_session().get_service_model("sagemaker")
    content = {
        "source": f"botocore {botocore.__version__} sagemaker {service.api_version}: {', '.join(SHAPES.values())}",
        **{use: known_values(service, shape) for use, shape in SHAPES.items()},
    }
    TARGET.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {', '.join(f'{len(content[use])} {use}' for use in SHAPES)}")


if __name__ == "__main__":
    main()
