"""Find what the constructs ship (Lambda handlers, locks) and assemble the folder of a function.

Looked for first in the installed package (`weighbridge_cdk/_assets`), else beside the checkout. A function's folder is
its handler and the library's own modules; it is kept under the digest of its content, so that two synths share it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import weighbridge
from weighbridge.errors import InputError

PACKAGE = Path(__file__).resolve().parent
LIBRARY = Path(weighbridge.__file__).resolve().parent
SUFFIXES = frozenset({".py", ".json"})


@dataclass(frozen=True, slots=True)
class FunctionAsset:
    """A folder to be zipped, and the SHA-256 of its content (64 hex digits)."""

    folder: Path
    digest: str


def asset_root() -> Path:
    """Return the folder that holds `lambdas/` and `locks/`."""
    packaged = PACKAGE / "_assets"
    return packaged if packaged.is_dir() else PACKAGE.parent.parent


def build_root() -> Path:
    """Return the folder for what is built: `.build` in a checkout, the user's cache folder for an installed package."""
    if (PACKAGE / "_assets").is_dir():
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weighbridge"
    return asset_root() / ".build"


def assemble_function(name: str, *, library: Path = LIBRARY) -> FunctionAsset:
    """Assemble the folder of the function `lambdas/NAME`: its own modules at the top, the library beside them.

    Raises:
        InputError: when there is no such handler.
    """
    source = asset_root() / "lambdas" / name
    if not (source / "handler.py").is_file():
        raise InputError(f"lambdas/{name}/handler.py: is missing: name one of the handlers that weighbridge ships")
    files = {Path(path): source / path for path in _modules(source)}
    files |= {Path("weighbridge") / path: library / path for path in _modules(library)}
    contents = {path: origin.read_bytes() for path, origin in sorted(files.items())}
    digest = _digest(contents)
    folder = build_root() / "functions" / f"{name}-{digest[:32]}"
    if not folder.is_dir():
        _write(folder, contents)
    return FunctionAsset(folder=folder, digest=digest)


def _modules(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.suffix in SUFFIXES)


def _digest(contents: dict[Path, bytes]) -> str:
    hasher = hashlib.sha256()
    for path, data in contents.items():
        hasher.update(f"{path.as_posix()}\0{len(data)}\0".encode())
        hasher.update(data)
    return hasher.hexdigest()


def _write(folder: Path, contents: dict[Path, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for path, data in contents.items():
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
            (draft / path).write_bytes(data)
        draft.chmod(0o755)
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        # A synth beside this one may have come first; the name is the digest, so its folder is the same.
        if not folder.is_dir():
            raise
