"""Instance types come from botocore, and what is derived from their families holds for known ones."""

from __future__ import annotations

import botocore.session
import pytest

from weighbridge.instances import (
    accelerators,
    has_efa,
    has_local_storage,
    hosting_instance_types,
    nearest,
    takes_inference_ami,
    training_instance_types,
)


@pytest.mark.parametrize(
    ("shape", "known"),
    [
        ("ProductionVariantInstanceType", hosting_instance_types()),
        ("TrainingInstanceType", training_instance_types()),
    ],
)
def test_the_generated_file_is_botocores(shape: str, known: tuple[str, ...]) -> None:
    service = botocore.session.get_session().get_service_model("sagemaker")
    assert list(known) == sorted(service.shape_for(shape).enum), "run tools/generate_instance_types.py"


@pytest.mark.parametrize(
    ("instance_type", "ami", "local"),
    [
        ("ml.c6i.xlarge", False, False),
        ("ml.c5d.xlarge", False, True),
        ("ml.g5.xlarge", True, True),
        ("ml.p3.2xlarge", True, False),
        ("ml.inf2.xlarge", True, False),
        ("ml.trn1.2xlarge", True, True),
        ("ml.p6-b200.48xlarge", True, True),
    ],
)
def test_families(instance_type: str, ami: bool, local: bool) -> None:
    assert instance_type in hosting_instance_types()
    assert takes_inference_ami(instance_type) is ami
    assert has_local_storage(instance_type) is local


def test_near_misses_are_offered() -> None:
    assert "ml.g5.xlarge" in nearest("ml.g5.xxlarge", among=hosting_instance_types())


def test_accelerators_are_told_where_they_are_sure() -> None:
    found = accelerators("ml.g5.12xlarge")
    assert found is not None
    assert (found.kind, found.count, found.memory_gib, found.total_gib) == ("NVIDIA A10G", 4, 24, 96)
    assert accelerators("ml.c6i.xlarge") is None
    for instance_type in {*hosting_instance_types(), *training_instance_types()}:
        assert accelerators(instance_type) is None or takes_inference_ami(instance_type), instance_type
    assert has_efa("ml.p4d.24xlarge")
    assert not has_efa("ml.g5.xlarge")
