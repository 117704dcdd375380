"""An image of one script, for tests that need a container but not this checkout's."""

from __future__ import annotations

import sys
from pathlib import Path

from local.sagemaker.images import Image


def folder_image(folder: Path) -> Image:
    """Return the image whose only file is FOLDER/entrypoint.py; its name is the folder's."""
    return Image(
        repository=folder.name,
        source=folder,
        paths=("entrypoint.py",),
        interpreter=Path(sys.executable),
        entry_point="entrypoint.py",
    )
