"""Three numbers about a bill of materials, never one: what it says, what of that was verified, and whether all tell the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from weighbridge import canonical
from weighbridge.bom.checklist import Field, checklist, select
from weighbridge.bom.consistency import Consistency, Evidence, compare_all, parse_bom
from weighbridge.bom.document import Contents, make_bom
from weighbridge.bom.facts import bom_facts, image_facts, lock_facts, release_facts
from weighbridge.canonical import Json
from weighbridge.release import LineageField
from weighbridge.trust import APPROVAL_TYPE, IMAGE_TYPE
from weighbridge.trust.inspected import INSPECTION_TYPE
from weighbridge.trust.provenance import PREDICATE_TYPE


@dataclass(frozen=True, slots=True)
class Score:
    """What a bill is worth. `presence` and `verified` are whole percent of the checklist's weights that apply, rounded down.

    `missing` are fields that nothing says, `unverified` those that are said and that nothing verified, each by id and title;
    `critical` are the critical fields among both. `consistency` is None where there is no release to compare with.
    """

    presence: int
    verified: int
    missing: tuple[Field, ...]
    unverified: tuple[Field, ...]
    consistency: Consistency | None

    @property
    def critical(self) -> tuple[Field, ...]:
        """The critical fields that are missing or unverified."""
        return tuple(item for item in (*self.missing, *self.unverified) if item.critical)

    @property
    def passed(self) -> bool:
        """Whether every critical field is verified, and everything tells the same."""
        return not self.critical and self.consistency is not None and self.consistency.whole


def score_document(document: Mapping[str, Json]) -> Score:
    """Score a bill by itself: nothing is verified, because nothing is at hand that it could be held against."""
    return _score(document, said=_bill_says(document), verified=lambda _: False, consistency=None)


def score_release(*, bom: bytes, evidence: Evidence, texts: Mapping[str, bytes] | None = None) -> Score:
    """Score a release's bill of materials.

    Args:
        bom: the bill's bytes.
        texts: bytes of the files that bills are composed from (`weighbridge.bom.document.TEXTS`), whose digests the caller
            compared with the release; what only they can verify is unverified without them.

    Raises:
        IntegrityError: the bytes are not the bill that the release names.
        TrustError: rule `refused.json`.
    """
    document = parse_bom(bom, release=evidence.release)
    verifier = _Verifier(document, evidence, texts or {})
    said = _bill_says(document)

    def stands(item: Field) -> bool:
        return verifier.check(item) if item.basis == "statements" else said(item)

    return _score(document, said=stands, verified=verifier.check, consistency=verifier.consistency)


def _bill_says(document: Mapping[str, Json]) -> Callable[[Field], bool]:
    return lambda item: item.basis == "bom" and item.present(document)


def _score(
    document: Mapping[str, Json],
    *,
    said: Callable[[Field], bool],
    verified: Callable[[Field], bool],
    consistency: Consistency | None,
) -> Score:
    fields = [item for item in checklist() if item.applies(document)]
    there = [item for item in fields if said(item)]
    checked = [item for item in there if verified(item)]
    whole = sum(item.weight for item in fields)
    return Score(
        presence=sum(item.weight for item in there) * 100 // whole,
        verified=sum(item.weight for item in checked) * 100 // whole,
        missing=tuple(item for item in fields if item not in there),
        unverified=tuple(item for item in there if item not in checked),
        consistency=consistency,
    )


class _Verifier:
    """Answers, for each field, whether its value was recomputed from bytes or is another role's signed statement."""

    def __init__(self, document: Mapping[str, Json], evidence: Evidence, texts: Mapping[str, bytes]) -> None:
        self._document = document
        self._evidence = evidence
        self._bill = bom_facts(document)
        self._release = release_facts(evidence.release)
        self._texts = texts
        self._composed = self._compose()
        self.consistency = compare_all(document, evidence)
        self._checks: Mapping[str, Callable[[Field], bool]] = {
            "bill": lambda _: True,
            "consistent": lambda _: self.consistency.whole,
            "identity": lambda _: self._as_released("name", "version") and self._registered,
            "provenance": lambda _: self._registered,
            "card": self._recomputed,
            "config": self._recomputed,
            "files": lambda _: self._files(),
            "metrics": lambda _: self._unclaimed("metrics", "metric "),
            "parameters": lambda _: self._unclaimed("parameters", "parameter "),
            "training_job": lambda _: self._unclaimed("training_job", "training job"),
            "source_commit": lambda _: self._unclaimed("source_commit", "source commit"),
            "datasets": lambda _: self._unclaimed("datasets", "dataset "),
            "base_model": lambda _: self._base_model(),
            "image": lambda _: self._as_released("runtime image") and self._registered,
            "lock": lambda _: self._lock(),
            "dependencies": lambda _: self._dependencies(),
            "inputs": lambda _: self._inputs(),
            "inspection": lambda _: bool(evidence.stated(INSPECTION_TYPE)),
            "image_statement": lambda _: bool(evidence.stated(IMAGE_TYPE)),
            "approval": lambda _: bool(evidence.stated(APPROVAL_TYPE)),
        }

    def check(self, item: Field) -> bool:
        """Whether a field is verified."""
        return item.verify is not None and self._checks[item.verify](item)

    @property
    def _registered(self) -> bool:
        """Whether the registrar, who read every byte back, signed for the release."""
        return bool(self._evidence.stated(PREDICATE_TYPE))

    def _as_released(self, *parts: str) -> bool:
        return all(self._bill.get(part) == self._release.get(part) is not None for part in parts)

    def _beginning(self, prefix: str) -> Mapping[str, str]:
        return {part: value for part, value in self._bill.items() if part.startswith(prefix)}

    def _files(self) -> bool:
        files = self._beginning("file ")
        return self._registered and files == {
            part: value for part, value in self._release.items() if part.startswith("file ")
        }

    def _unclaimed(self, field: LineageField, prefix: str) -> bool:
        if field in self._evidence.release.lineage.claimed or not self._registered:
            return False
        return self._beginning(prefix) == {
            part: value for part, value in self._release.items() if part.startswith(prefix)
        }

    def _inputs(self) -> bool:
        found = [
            item.get("name")
            for predicate in self._evidence.stated(PREDICATE_TYPE)
            for item in select(predicate, "buildDefinition.resolvedDependencies[]")
            if isinstance(item, dict)
        ]
        return any(isinstance(name, str) and name.startswith("input channel ") for name in found)

    def _base_model(self) -> bool:
        lineage = self._evidence.release.lineage
        if not self._as_released("base model") or not self._registered or lineage.base_model is None:
            return False
        # The training job names its base model in its record; where AWS started it with that one, it is no claim.
        told = (lineage.parameters.get("base_repository"), lineage.parameters.get("base_revision"))
        started = told == (lineage.base_model.repository, lineage.base_model.revision)
        return "base_model" not in lineage.claimed or (started and "parameters" not in lineage.claimed)

    def _lock(self) -> bool:
        stated = [image_facts(item) for item in self._evidence.stated(IMAGE_TYPE)]
        recomputed = self._evidence.dependencies() is not None
        return self._as_released("lock file") and (recomputed or {"lock file": self._release["lock file"]} in stated)

    def _dependencies(self) -> bool:
        found = self._evidence.dependencies()
        return found is not None and self._beginning("dependency ") == lock_facts(found)

    def _compose(self) -> Mapping[str, Json]:
        """Return the model as it is composed anew from the bytes of its files."""
        data = make_bom(contents=Contents.of(self._evidence.release), texts=self._texts)
        return canonical.parse_object(data, what="bill of materials")

    def _recomputed(self, item: Field) -> bool:
        return list(select(self._document, item.at)) == list(select(self._composed, item.at))
