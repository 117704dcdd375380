"""SLSA provenance of a release: what the registrar read, and from where.

Source: SLSA v1.1 "Provenance" (predicate type `https://slsa.dev/provenance/v1`). The training job is the build; base
model, datasets, runtime image, lock file and source commit are its resolved dependencies.
"""

from __future__ import annotations

from weighbridge.canonical import Json, JsonObject
from weighbridge.release import Release

PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:weighbridge:sagemaker-training:v1"


def provenance(*, release: Release, builder: str) -> JsonObject:
    """Return the predicate for `release`.

    Args:
        builder: URI of who registered it, for example the registrar's role ARN.
    """
    lineage = release.lineage
    internal: dict[str, Json] = {"metrics": dict(lineage.metrics), "claimed": list(lineage.claimed)}
    details: dict[str, Json] = {"builder": {"id": builder}}
    if lineage.training_job is not None:
        details["metadata"] = {"invocationId": lineage.training_job}
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "name": release.name,
                "version": release.version,
                "parameters": dict(lineage.parameters),
            },
            "internalParameters": internal,
            "resolvedDependencies": _dependencies(release),
        },
        "runDetails": details,
    }


def _dependencies(release: Release) -> list[Json]:
    lineage, runtime = release.lineage, release.runtime
    image, _, image_digest = runtime.image.rpartition("@sha256:")
    found: list[Json] = [
        {"name": "runtime image", "uri": f"oci://{image}", "digest": {"sha256": image_digest}},
        {"name": "lock file", "digest": {"sha256": runtime.lock.hex}},
    ]
    base = lineage.base_model
    if base is not None:
        uri = f"pkg:huggingface/{base.repository}@{base.revision}"
        found.append({"name": "base model", "uri": uri, "digest": {"gitCommit": base.revision}})
    if lineage.source_commit is not None:
        found.append({"name": "source", "digest": {"gitCommit": lineage.source_commit}})
    found += [{"name": f"dataset {item.name}", "digest": {"sha256": item.digest.hex}} for item in lineage.datasets]
    return found
