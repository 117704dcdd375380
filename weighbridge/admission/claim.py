"""What a container says of its release, and whether the environment agrees. The hook and the reconciler both ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from weighbridge.errors import InputError
from weighbridge.names import Digest, ReleaseId, ReleaseReference
from weighbridge.resolution import Acceptance, History, Scope
from weighbridge.trust import Floor

Doubt = Literal["ungoverned", "pins", "not-accepted", "image", "revoked"]
_RELEASE = "WEIGHBRIDGE_RELEASE"
_PROMOTION = "WEIGHBRIDGE_PROMOTION"
_FLOOR = "WEIGHBRIDGE_FLOOR"


class Acceptances(Protocol):
    """What an environment remembers of release ids; reading is enough."""

    def history(self, scope: Scope) -> History:
        """Return everything that is remembered of a scope."""
        ...


@dataclass(frozen=True, slots=True)
class Pins:
    """What every governed container of an environment is told alike. `registry_url` ends in `/artifactory`."""

    channel: str
    root: Digest
    registry_url: str

    def variables(self) -> dict[str, str]:
        """Return them as a container's variables."""
        return {
            "WEIGHBRIDGE_CHANNEL": self.channel,
            "WEIGHBRIDGE_ROOT": str(self.root),
            "WEIGHBRIDGE_REGISTRY_URL": self.registry_url,
        }


@dataclass(frozen=True, slots=True)
class Objection:
    """One reason against a container: which field, what is wrong with it, and what to do. Each is half a line."""

    doubt: Doubt
    field: str
    problem: str
    fix: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The promotion and the release that a container names. Nothing of it is verified yet."""

    reference: ReleaseReference
    release_id: ReleaseId
    environment: Mapping[str, object]

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.reference.name


def read_claim(environment: Mapping[str, object], *, path: str) -> Claim | Objection:
    """Return what a container's environment claims, or why it claims nothing.

    Args:
        environment: the variables as SageMaker has them; what is not plain text is not understood, and counts as missing.
        path: where they stand, such as `PrimaryContainer.Environment`.
    """
    texts = {}
    for name in (_RELEASE, _PROMOTION):
        value = environment.get(name)
        if not isinstance(value, str) or not value:
            return Objection(
                "ungoverned",
                f"{path}.{name}",
                "is missing",
                "build the model with PromotedModel, from a promoted release",
            )
        texts[name] = value
    try:
        reference = ReleaseReference.parse(texts[_RELEASE], field=_RELEASE)
        release_id = ReleaseId.parse(texts[_PROMOTION], field=_PROMOTION)
    except InputError as error:
        return Objection("ungoverned", path, str(error), "build the model with PromotedModel, from a promoted release")
    return Claim(reference=reference, release_id=release_id, environment=environment)


def judge_claim(claim: Claim, *, pins: Pins, history: History, path: str) -> Iterator[Objection]:
    """Yield what the environment has against a claim; `history` is that of the channel and the claimed model."""
    for name, expected in pins.variables().items():
        found = claim.environment.get(name)
        if found != expected:
            yield Objection(
                "pins", f"{path}.{name}", f"is {found!r}, this environment's is {expected!r}", "deploy it anew"
            )
    accepted = accepted_of(claim, history)
    if accepted is None:
        yield Objection(
            "not-accepted",
            f"{path}.{_PROMOTION}",
            f"{claim.release_id} of {claim.model} was never accepted in channel {pins.channel}",
            "let PromotedModel resolve it in this environment",
        )
        return
    if (accepted.release, accepted.version) != (claim.reference.digest, claim.reference.version):
        yield Objection(
            "not-accepted",
            f"{path}.{_RELEASE}",
            f"is {claim.reference.version}@{claim.reference.digest}, the promotion was accepted for "
            f"{accepted.version}@{accepted.release}",
            "take release and promotion from one PromotedModel",
        )
    if not _floor(claim.environment.get(_FLOOR)).covers(accepted.floor):
        yield Objection(
            "pins",
            f"{path}.{_FLOOR}",
            f"is {claim.environment.get(_FLOOR)!r}, the promotion was accepted at {accepted.floor}: an older state of the "
            "channel would be believed",
            "deploy it anew",
        )
    revoked = history.marks.get((claim.release_id, "revoked"))
    if revoked is not None:
        yield Objection(
            "revoked",
            f"{path}.{_PROMOTION}",
            f"{claim.release_id} is revoked: {revoked.reason}",
            "promote another version",
        )


def _floor(value: object) -> Floor:
    try:
        return Floor.parse(value) if isinstance(value, str) else Floor({})
    except InputError:
        return Floor({})


def accepted_of(claim: Claim, history: History) -> Acceptance | None:
    """Return the acceptance of the claimed promotion, or None."""
    return next((each for each in history.acceptances if each.release_id == claim.release_id), None)


def judge_image(image: object, *, accepted: Acceptance, path: str) -> Objection | None:
    """Return the objection to an image that is not the accepted release's, compared by digest: a mirror may hold it."""
    expected = image_digest(accepted.image)
    found = image_digest(image)
    if found is not None and found == expected:
        return None
    return Objection(
        "image",
        path,
        f"is {image!r}, the release's is {expected}",
        "take the image from PromotedModel.image_uri",
    )


def image_digest(image: object) -> Digest | None:
    """Return the digest that an image's reference ends in, or None."""
    if not isinstance(image, str):
        return None
    try:
        return Digest.parse(image.rpartition("@")[2])
    except InputError:
        return None
