"""Container images without a registry: files named by the digest of their content, unpacked before they run.

An image is what its Dockerfile would copy, the command that its ENTRYPOINT would be, and its ENV. The interpreter and
its packages are an environment of the checkout; the lock file among the files stands for them in the digest.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from local.process import ROOT, environment_python
from local.sagemaker.errors import AwsError

REGISTRY = "000000000000.dkr.ecr.eu-central-1.amazonaws.com"
IMAGE_ENVIRONMENT = MappingProxyType({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"})
_ECR = re.compile(r"[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/.+")
_PARTS: Mapping[str, tuple[str, str, tuple[str, ...]]] = MappingProxyType({
    "inference": ("serve", "containers/inference/entrypoint.py", (
        "weighbridge", "containers/encoder", "containers/inference", "locks/serve.txt",
    )),
    "training": ("hub", "containers/training/entrypoint.py", (
        "weighbridge", "containers/encoder", "containers/training", "locks/hub.txt",
    )),
})  # fmt: skip


@dataclass(frozen=True)
class Image:
    """One image.

    `paths` are files and folders below `source`, `interpreter` the Python that runs the script `entry_point` (relative,
    too). As with `docker run IMAGE serve`, the argument comes from whoever runs it.
    """

    repository: str
    source: Path
    paths: tuple[str, ...]
    interpreter: Path
    entry_point: str
    environment: Mapping[str, str] = field(default_factory=lambda: IMAGE_ENVIRONMENT)

    @cached_property
    def digest(self) -> str:
        """`sha256:HEX` of every file's path and content, the entry point and the environment."""
        return content_digest(self, folder=self.source)

    @property
    def reference(self) -> str:
        """`REGISTRY/REPOSITORY@sha256:HEX`."""
        return f"{REGISTRY}/{self.repository}@{self.digest}"


def project_image(kind: str) -> Image:
    """Return the image `inference` or `training` of this checkout, as its files are now.

    Raises:
        ServerError: when the environment that runs it is not set up.
    """
    environment, entry_point, paths = _PARTS[kind]
    return Image(
        repository=f"weighbridge-{kind}",
        source=ROOT,
        paths=paths,
        interpreter=environment_python(environment),
        entry_point=entry_point,
    )


def image_reference(kind: str = "inference") -> str:
    """Return the reference of the image `inference` or `training` of this checkout."""
    return project_image(kind).reference


def content_digest(image: Image, *, folder: Path) -> str:
    """Return the digest of the image's files as they lie in `folder`."""
    whole = hashlib.sha256()
    for path in _files(folder, image.paths):
        content = hashlib.sha256((folder / path).read_bytes()).hexdigest()
        whole.update(json.dumps([path, content]).encode() + b"\n")
    whole.update(json.dumps([image.entry_point, dict(image.environment)], sort_keys=True).encode())
    return f"sha256:{whole.hexdigest()}"


class ImageStore:
    """The images that can be started, unpacked below `folder` when this is made: later changes of their sources do not
    reach them."""

    def __init__(self, *, folder: Path, images: Sequence[Image]) -> None:
        self._folder = folder
        self._images = {image.reference: image for image in images}
        for image in images:
            _unpack(image, self.unpacked(image))

    def find(self, reference: str) -> Image:
        """Return the image.

        Raises:
            AwsError: ValidationException for an image by tag, of another registry, or with a digest that nobody built.
        """
        image = self._images.get(reference)
        if image is not None:
            return image
        if not _ECR.fullmatch(reference):
            raise AwsError.validation(
                f'Using non-ECR image "{reference}" without Vpc repository access mode is not supported.'
            )
        raise AwsError.validation(f"Requested image {reference} not found.")

    def unpacked(self, image: Image) -> Path:
        """Return the folder with the image's files."""
        return self._folder / image.digest.removeprefix("sha256:")

    def command(self, image: Image, *, argument: str) -> tuple[str, ...]:
        """Return what `docker run IMAGE ARGUMENT` would execute."""
        return (str(image.interpreter), str(self.unpacked(image) / image.entry_point), argument)


def _unpack(image: Image, target: Path) -> None:
    if target.exists():
        return
    draft = target.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    for path in _files(image.source, image.paths):
        (draft / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(image.source / path, draft / path)
    if content_digest(image, folder=draft) != image.digest:
        raise RuntimeError(f"{image.source}: changed while image {image.repository} was made of it: start again")
    draft.rename(target)


def _files(folder: Path, paths: Sequence[str]) -> Iterator[str]:
    found = set()
    for path in paths:
        whole = folder / path
        if not whole.exists():
            raise FileNotFoundError(f"{whole}: belongs to the image, and is not there")
        for file in whole.rglob("*") if whole.is_dir() else (whole,):
            if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
                found.add(file.relative_to(folder).as_posix())
    yield from sorted(found)
