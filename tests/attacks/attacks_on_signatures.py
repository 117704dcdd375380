"""Attacks with one stolen key: statements (DSSE) and metadata (TUF) that nobody, the wrong one, or too few signed."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.metadata import Targets

from tests.attacks.attacks_on_bytes import promoted
from tests.attacks.forging import Document, forge, two_must_sign
from tests.attacks.tour_gates import Case, Gatekeeper, Stage, place
from tests.attacks.tour_world import ANN, BOB, MODEL, NOW, OLD, OTHER_IMAGE, Tour
from weighbridge.canonical import JsonObject

Attack = Callable[[Gatekeeper, Stage, bool], None]


def stranger() -> CryptoSigner:
    return CryptoSigner.generate_ed25519()


def stated(forged: Callable[[Tour, JsonObject], JsonObject]) -> Attack:
    """Return an attack that a promoter signs for: `forged` stands in the place of the registrar's statement."""

    def attack(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
        tour = keeper.tour
        honest = tour.provenance(tour.stated.registrar)
        said = forged(tour, honest) if hostile else honest
        tour.force(place(stage), envelopes=[said, *tour.envelopes()[1:]])

    return attack


def altered(_: Tour, honest: JsonObject) -> JsonObject:
    payload = base64.b64decode(str(honest["payload"])).replace(b"buildDefinition", b"buildDefinitio_")
    return {**honest, "payload": base64.b64encode(payload).decode()}


def state_another_image(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    tour = keeper.tour
    first, _, *rest = tour.envelopes()
    image = tour.image_statement(OTHER_IMAGE) if hostile else tour.image_statement()
    tour.force(place(stage), envelopes=[first, image, *rest])


def signed(
    by: Callable[[Tour, str], list[Signer]], change: Callable[[Document], None] = lambda document: None
) -> Attack:
    """Return an attack on the model's role: signed by others than its promoter, or changed afterwards."""

    def attack(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
        tour, channel = keeper.tour, promoted(keeper, stage)
        if hostile:
            forge(tour, channel, MODEL, signers=by(tour, channel), change=change)
        else:
            forge(tour, channel, MODEL, signers=_promoter(tour, channel))

    return attack


def _promoter(tour: Tour, channel: str) -> list[Signer]:
    return list(tour.channels[channel].promoters[:1])


def _retype(document: Document) -> None:
    content = document["signed"]
    assert isinstance(content, dict)
    document["signed"] = {**content, "_type": "snapshot", "meta": {}}


def _age(document: Document) -> None:
    content = document["signed"]
    assert isinstance(content, dict)
    document["signed"] = {**content, "expires": "2099-01-01T00:00:00Z"}


def sign_with_two_keys_of_one_person(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """Two keys signed; the owner knows whose they are."""
    tour, channel = keeper.tour, place(stage)
    owners = tour.channels[channel]
    two_must_sign(tour, channel, MODEL)
    tour.force(channel, people=2)
    keys = [item.public_key.keyid for item in owners.promoters[:2]]
    policy = owners.policy
    gates = replace(policy.gates, principals=dict(zip(keys, (ANN, ANN if hostile else BOB), strict=True)))
    tour.channel(channel).set_policy(policy=replace(policy, gates=gates), signers=owners.signers.targets, now=NOW)


def sign_twice_with_one_key(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    tour, channel = keeper.tour, place(stage)
    two_must_sign(tour, channel, MODEL)
    tour.force(channel, people=2)
    promoters = tour.channels[channel].promoters

    def double(document: Document) -> None:
        assert isinstance(document["signatures"], list)
        document["signatures"] = [*document["signatures"], *document["signatures"]]

    if hostile:
        forge(tour, channel, MODEL, signers=promoters[:1], change=double)
    else:
        forge(tour, channel, MODEL, signers=promoters[:2])


def sign_alone(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    tour, channel = keeper.tour, place(stage)
    two_must_sign(tour, channel, MODEL)
    tour.force(channel, people=2)
    forge(tour, channel, MODEL, signers=tour.channels[channel].promoters[: 1 if hostile else 2])


def hide_record(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """A promotion without the record that readers judge."""
    tour, channel = keeper.tour, promoted(keeper, stage)

    def edit(targets: Targets) -> None:
        if hostile:
            del targets.targets[next(iter(targets.targets))].unrecognized_fields["custom"]

    forge(tour, channel, MODEL, signers=_promoter(tour, channel), edit=edit)


STATEMENT, SIGNATURE = "refused.statement", "refused.signature"

CASES = (
    Case.everywhere("statement-unknown-key", stated(lambda tour, _: tour.provenance(stranger())), STATEMENT),
    Case.everywhere("statement-empty-signatures", stated(lambda _, it: {**it, "signatures": []}), STATEMENT),
    Case.everywhere(
        "statement-wrong-payload-type", stated(lambda _, it: {**it, "payloadType": "text/plain"}), STATEMENT
    ),
    Case.everywhere("statement-altered", stated(altered), STATEMENT),
    Case.everywhere(
        "statement-wrong-role",
        stated(lambda tour, _: tour.provenance(tour.stated.builder)),
        "refused.missing-statement",
    ),
    Case.everywhere(
        "statement-about-another-release",
        stated(lambda tour, _: tour.provenance(tour.stated.registrar, version=OLD)),
        STATEMENT,
    ),
    Case.everywhere("runtime-image-of-another-release", state_another_image, STATEMENT),
    Case.everywhere("metadata-unknown-key", signed(lambda *_: [stranger()]), SIGNATURE),
    Case.everywhere("metadata-empty-signatures", signed(lambda *_: []), SIGNATURE),
    Case.everywhere("metadata-wrong-type", signed(_promoter, _retype), "refused.metadata"),
    Case.everywhere("metadata-altered", signed(_promoter, _age), SIGNATURE),
    Case.everywhere(
        "metadata-wrong-role", signed(lambda tour, name: [*tour.channels[name].signers.revocations]), SIGNATURE
    ),
    Case.everywhere("metadata-record-hidden", hide_record, "refused.promotion"),
    Case.everywhere("one-person-with-two-keys", sign_with_two_keys_of_one_person, "refused.one-person"),
    Case.everywhere("one-key-twice", sign_twice_with_one_key, "refused.metadata"),
    Case.everywhere("one-promoter-of-two", sign_alone, SIGNATURE),
)
