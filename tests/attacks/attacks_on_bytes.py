"""Attacks by who may write one repository, without any key: bytes exchanged, removed, added."""

from __future__ import annotations

import json

from tests.attacks.tour_gates import APPROVED, Case, Gatekeeper, Stage, place
from tests.attacks.tour_world import MODEL, NEW, OLD, WEIGHTS, tensors
from weighbridge.names import Digest
from weighbridge.verification import make_record, parse_record

PATH = f"models/{MODEL}/{NEW}"


def promoted(keeper: Gatekeeper, stage: Stage) -> str:
    """Let NEW be promoted honestly where the gate reads, and return the channel."""
    if stage != "promote":
        keeper.tour.ask_for(keeper.tour.promote(NEW).promotion)
    return place(stage)


def swap_weights(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    channel = promoted(keeper, stage)
    keeper.tour.registry.files[f"{channel}-models", f"{PATH}/{WEIGHTS}"] = tensors("6.6.6" if hostile else NEW)


def swap_weights_and_release(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """A release that fits the swapped weights, in the place of the approved one."""
    channel, files = promoted(keeper, stage), keeper.tour.registry.files
    key, weights = keeper.tour.record_of(channel), tensors("6.6.6" if hostile else NEW)
    release, statements = parse_record(files[key])
    document = json.loads(release)
    [item] = [item for item in document["components"] if item["path"] == WEIGHTS]
    item["sha256"], item["size"] = Digest.of(weights).hex, len(weights)
    text = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    files[f"{channel}-models", f"{PATH}/{WEIGHTS}"] = weights
    files[key] = make_record(release=text, statements=statements)


def swap_release(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """The record of an older release, valid in itself."""
    channel, files = promoted(keeper, stage), keeper.tour.registry.files
    files[keeper.tour.record_of(channel)] = files[keeper.tour.record_of(channel, OLD if hostile else NEW)]


def swap_statements(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    channel, files = promoted(keeper, stage), keeper.tour.registry.files
    key, other = keeper.tour.record_of(channel), keeper.tour.record_of(channel, OLD if hostile else NEW)
    files[key] = make_record(release=parse_record(files[key])[0], statements=parse_record(files[other])[1])


def add_to_record(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    channel, files = promoted(keeper, stage), keeper.tour.registry.files
    key = keeper.tour.record_of(channel)
    more = {"approved": True} if hostile else {}
    files[key] = json.dumps({**json.loads(files[key]), **more}, sort_keys=True, separators=(",", ":")).encode()


def remove_record(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    channel, files = promoted(keeper, stage), keeper.tour.registry.files
    del files[keeper.tour.record_of(channel, NEW if hostile else OLD)]


def add_file(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    channel = promoted(keeper, stage)
    if hostile:
        keeper.tour.registry.files[f"{channel}-models", f"{PATH}/modeling_evil.py"] = b"import os"


def link_weights(keeper: Gatekeeper, stage: Stage, hostile: bool) -> None:
    """A symlink as Artifactory stores one: an empty file whose property names where it leads."""
    channel, registry = promoted(keeper, stage), keeper.tour.registry
    key = f"{channel}-models", f"{PATH}/{WEIGHTS}"
    registry.set_properties(repository=key[0], path=key[1], properties={"symlink.dest": "/etc/passwd"})
    if hostile:
        registry.files[key] = b""


INTEGRITY = "refused.integrity"

CASES = (
    Case("weights-swapped", swap_weights, {"promote": INTEGRITY, "resolve": APPROVED, "load": INTEGRITY}),
    Case.everywhere("weights-and-release-swapped", swap_weights_and_release, INTEGRITY),
    Case.everywhere("release-swapped-with-an-older-one", swap_release, INTEGRITY),
    Case.everywhere("statements-swapped-with-older-ones", swap_statements, INTEGRITY),
    Case.everywhere("record-with-more-in-it", add_to_record, "refused.record"),
    Case.everywhere("record-deleted", remove_record, "refused.missing-record"),
    Case.everywhere("extra-file-in-the-registry", add_file, APPROVED),
    Case("symlink-in-the-registry", link_weights, {"promote": INTEGRITY, "resolve": APPROVED, "load": INTEGRITY}),
)
