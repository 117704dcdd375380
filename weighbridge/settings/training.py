"""Read the section `training`: what a trained model is served with, and who may do what on the way."""

from __future__ import annotations

from weighbridge.names import Digest
from weighbridge.settings.identity import optional_secret
from weighbridge.settings.job import IMAGE, read_job
from weighbridge.settings.schema import KeySettings, RegistrySettings, TrainingSettings, TrustSettings
from weighbridge.settings.section import Section


def read_training(top: Section, *, registry: RegistrySettings, trust: TrustSettings | None) -> TrainingSettings | None:
    """Return the section, or None when the environment trains nothing.

    Raises:
        SettingsError: also where two identities would share a secret or a key.
    """
    section = top.optional_section("training")
    if section is None:
        return None
    section.allow("runtime_image", "runtime_lock", "training_secret", "registrar_secret", "job")
    for key in ("incoming_repository", "hub_repository"):
        if getattr(registry, key) is None:
            section.refuse("", f"needs registry.{key}", "name that repository, or remove training")
    found = TrainingSettings(
        runtime_image=section.text("runtime_image", pattern=IMAGE, form="an image by digest, HOST/PATH@sha256:..."),
        runtime_lock=Digest.parse(
            section.text("runtime_lock", pattern=r"sha256:[0-9a-f]{64}", form="a digest sha256:<64 hex digits>")
        ),
        training_secret=optional_secret(section, "training_secret", default=None, credentials=registry.credentials),
        registrar_secret=optional_secret(section, "registrar_secret", default=None, credentials=registry.credentials),
        job=read_job(section.optional_section("job")),
    )
    _check_images(section, found, registry=registry)
    _check_secrets(section, found, registry=registry, trust=trust)
    if trust is not None:
        _check_keys(section, trust.keys)
    return found


def _check_images(section: Section, found: TrainingSettings, *, registry: RegistrySettings) -> None:
    """Refuse images that would not be where they are looked for: SageMaker logs in for all of them, or for none."""
    if registry.images is None:
        return
    images = {"runtime_image": found.runtime_image}
    if found.job is not None:
        images["job.image"] = found.job.image
    for key, image in images.items():
        if ".dkr.ecr." in image.partition("/")[0]:
            section.refuse(
                key, f"{image.partition('@')[0]} is in ECR, but registry.images is given",
                f"name the image in {registry.images.repository}, or remove registry.images",
            )  # fmt: skip


def _check_secrets(
    section: Section, found: TrainingSettings, *, registry: RegistrySettings, trust: TrustSettings | None
) -> None:
    seen = {registry.reader_secret: "registry.credentials.secret_id"}
    if registry.images is not None:
        seen[registry.images.secret] = "registry.images.secret"
    for name in ("keeper", "inspector"):
        identity = getattr(trust, name, None)
        if identity is not None:
            seen[identity.secret] = f"trust.{name}.secret"
    for key in ("training_secret", "registrar_secret"):
        value = getattr(found, key)
        if value is not None and value in seen:
            section.refuse(key, f"{value!r} is {seen[value]} too", "give each identity a secret of its own")
        seen[value] = f"training.{key}"


def _check_keys(section: Section, keys: KeySettings) -> None:
    jobs = {keys.registrar: "registrar", keys.promoters[0]: "promoters[0]"}
    if len(jobs) == 1:
        section.refuse(
            "", "trust.keys.registrar and trust.keys.promoters[0] are one key", "nobody's key can do two jobs"
        )
    for online in (keys.snapshot, keys.timestamp):
        if online in jobs:
            section.refuse(
                "", f"the online key is trust.keys.{jobs[online]} too", "give snapshot and timestamp a key of their own"
            )
