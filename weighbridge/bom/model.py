"""The model itself in a bill of materials, and its CycloneDX model card: from lineage, the card's words and the files."""

from __future__ import annotations

from weighbridge.bom.architecture import Architecture
from weighbridge.bom.card import ModelCard
from weighbridge.bom.parts import DATASET, MODEL, base_ref, named
from weighbridge.canonical import Json, JsonObject
from weighbridge.release import Lineage


def model_of(name: str, version: str, *, lineage: Lineage, card: ModelCard) -> JsonObject:
    """Return the component, without its model card. Lineage that only the training job asserts is named as claimed."""
    model: JsonObject = {
        "type": "machine-learning-model",
        "bom-ref": MODEL,
        "name": name,
        "version": version,
        "purl": f"pkg:generic/{name}@{version}",
    }
    if card.description is not None:
        model["description"] = card.description
    if card.producer is not None:
        model["supplier"] = {"name": card.producer}
    if card.licences:
        model["licenses"] = [{"license": {"name": item, "acknowledgement": "declared"}} for item in card.licences]
    base = lineage.base_model
    if base is not None:
        purl = base_ref(base)
        ancestor: JsonObject = {
            "type": "machine-learning-model", "name": base.repository, "version": base.revision, "purl": purl
        }  # fmt: skip
        model["pedigree"] = {"ancestors": [ancestor], "notes": "trained from this base model"}
        model["externalReferences"] = [
            {"type": "model-card", "url": purl, "comment": "the base model, at the revision that was used"}
        ]
    if lineage.claimed:
        model["properties"] = [named("weighbridge:claimed", item) for item in lineage.claimed]
    return model


def card_of(lineage: Lineage, *, card: ModelCard, shape: Architecture) -> JsonObject:
    """Return the CycloneDX model card."""
    parameters: JsonObject = {"datasets": [{"ref": f"{DATASET}{item.name}"} for item in lineage.datasets]}
    told = {"task": card.task, "architectureFamily": shape.family, "modelArchitecture": shape.model}
    parameters |= {key: value for key, value in told.items() if value is not None}
    metrics: list[Json] = [{"type": name, "value": lineage.metrics[name]} for name in sorted(lineage.metrics)]
    found: JsonObject = {
        "modelParameters": parameters,
        "quantitativeAnalysis": {"performanceMetrics": metrics},
        "properties": _properties(card, shape),
    }
    considerations = _considerations(card)
    return {**found, "considerations": considerations} if considerations else found


def _considerations(card: ModelCard) -> JsonObject:
    found: JsonObject = {}
    if card.intended_use is not None:
        found["useCases"] = [card.intended_use]
    if card.limitations is not None:
        found["technicalLimitations"] = [card.limitations]
    if card.ethics is not None:
        found["ethicalConsiderations"] = [{"name": card.ethics}]
    if card.environment is not None:
        found["environmentalConsiderations"] = {
            "properties": [named("weighbridge:environmental-impact", card.environment)]
        }
    return found


def _properties(card: ModelCard, shape: Architecture) -> list[Json]:
    remote = None if shape.remote_code is None else "named in config.json" if shape.remote_code else "none named"
    told = {
        "context-length": shape.context_length,
        "number-format": shape.number_format,
        "quantization": shape.quantization,
        "tokenizer": shape.tokenizer,
        "remote-code": remote,
        "human-oversight": card.oversight,
        "compute": card.compute,
    }
    return [named(f"weighbridge:{name}", value) for name, value in told.items() if value is not None]
