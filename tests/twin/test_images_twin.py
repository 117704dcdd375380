"""What SageMaker calls before it pulls an image from the registry, on the local AWS: refused without a token, then a login."""

from __future__ import annotations

import pytest
from twin_governance import IMAGES, IMAGES_USER, Governance

pytestmark = pytest.mark.twin

# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-containers-inference-private.html: what it sends is not said.
EVENT = {"anything": "at all"}


def test_without_a_token_there_is_no_login_and_with_one_it_is_that_users(governance: Governance) -> None:
    function = governance.function("registry", "Images")
    succeeded, answer, said = governance.invoke(function, EVENT)
    assert not succeeded
    assert "Credentials" not in answer
    assert IMAGES in said
    governance.give_token(IMAGES, user="reader")
    succeeded, answer, said = governance.invoke(function, EVENT)
    assert (succeeded, answer) == (
        True,
        {"Credentials": {"Username": IMAGES_USER, "Password": governance.registry.token("reader")}},
    )
    assert governance.registry.token("reader") not in said
