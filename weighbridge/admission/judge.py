"""Whether a resource may be created: rules on its properties, its release against what the environment accepted.

What cannot be known is refused: a model that SageMaker does not find, a type that nobody taught this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from weighbridge.admission.catalogue import Catalogue
from weighbridge.admission.claim import Acceptances, Objection, Pins, accepted_of, judge_claim, judge_image, read_claim
from weighbridge.checks import RULES, Properties, Rule
from weighbridge.checks.rule import COMPONENT, ENDPOINT, ENDPOINT_CONFIG, MODEL, containers, entries, mapping
from weighbridge.resolution import Scope

KINDS = (MODEL, ENDPOINT_CONFIG, ENDPOINT, COMPONENT)
# What judge_claim says of a release in other words, better.
_IN_OTHER_WORDS = frozenset({"WB-M1"})
_VARIANTS = ("ProductionVariants", "ShadowProductionVariants")


@dataclass(frozen=True, slots=True)
class Admission:
    """Judges resources of one environment."""

    pins: Pins
    acceptances: Acceptances
    catalogue: Catalogue

    def judge(self, kind: str, properties: Properties) -> tuple[str, ...]:
        """Return what is against the resource, each as `FIELD: PROBLEM: FIX`; nothing when it may be created.

        Raises:
            CloudError: when the environment's table or SageMaker could not be read.
        """
        match kind:
            case "AWS::SageMaker::Model":
                found = self._model(properties)
            case "AWS::SageMaker::EndpointConfig":
                found = self._config(properties)
            case "AWS::SageMaker::Endpoint":
                found = self._endpoint(properties)
            case "AWS::SageMaker::InferenceComponent":
                found = self._component(properties)
            case _:
                found = iter([f"{kind}: is not judged here: aim the hook at {', '.join(KINDS)}"])
        return tuple(dict.fromkeys(found))

    def _model(self, properties: Properties) -> Iterator[str]:
        yield from broken_rules(MODEL, properties, without=_IN_OTHER_WORDS)
        found = list(containers(properties))
        if not found:
            yield "PrimaryContainer: is missing: build the model with PromotedModel, from a promoted release"
        for path, container in found:
            yield from (_line(each) for each in self._objections(container, path=path))

    def _objections(self, container: Mapping[str, object], *, path: str) -> Iterator[Objection]:
        where = f"{path}.Environment"
        claim = read_claim(mapping(container.get("Environment")), path=where)
        if isinstance(claim, Objection):
            yield claim
            return
        history = self.acceptances.history(Scope(channel=self.pins.channel, model=claim.model))
        yield from judge_claim(claim, pins=self.pins, history=history, path=where)
        accepted = accepted_of(claim, history)
        image = (
            None if accepted is None else judge_image(container.get("Image"), accepted=accepted, path=f"{path}.Image")
        )
        if image is not None:
            yield image

    def _config(self, properties: Properties) -> Iterator[str]:
        yield from broken_rules(ENDPOINT_CONFIG, properties)
        for kind in _VARIANTS:
            for index, variant in enumerate(entries(properties.get(kind))):
                if "ModelName" in variant:
                    yield from self._named_model(variant["ModelName"], path=f"{kind}[{index}].ModelName")

    def _endpoint(self, properties: Properties) -> Iterator[str]:
        yield from broken_rules(ENDPOINT, properties)
        name = properties.get("EndpointConfigName")
        config = self.catalogue.config(name) if isinstance(name, str) and name else None
        if config is None:
            yield f"EndpointConfigName: {name!r} is no config that exists: create the config in the same stack"
            return
        yield from (f"EndpointConfigName: {name}: {reason}" for reason in self._config(config))

    def _component(self, properties: Properties) -> Iterator[str]:
        yield from broken_rules(COMPONENT, properties)
        named = [("Specification", mapping(properties.get("Specification")))]
        named += [
            (f"Specifications[{index}]", each) for index, each in enumerate(entries(properties.get("Specifications")))
        ]
        for path, specification in named:
            if "ModelName" in specification:
                yield from self._named_model(specification["ModelName"], path=f"{path}.ModelName")

    def _named_model(self, name: object, *, path: str) -> Iterator[str]:
        model = self.catalogue.model(name) if isinstance(name, str) and name else None
        if model is None:
            yield f"{path}: {name!r} is no model that exists: create the model in the same stack"
            return
        yield from (f"{path}: {name}: {reason}" for reason in self._model(model))


def broken_rules(kind: str, properties: Properties, *, without: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield `FIELD: REASON FIX [RULE]` for every rule of docs/checks.md that the properties break."""
    for rule, place in rule_findings(kind, properties, without=without):
        yield f"{place}: {rule.reason} {rule.fix} [{rule.id}]"


def rule_findings(
    kind: str, properties: Properties, *, without: frozenset[str] = frozenset()
) -> Iterator[tuple[Rule, str]]:
    """Yield each rule that the properties break, and where."""
    for rule in RULES:
        if kind in rule.kinds and rule.id not in without:
            yield from ((rule, place) for place in rule.check(properties))


def _line(objection: Objection) -> str:
    return f"{objection.field}: {objection.problem}: {objection.fix}"
