"""What is pulled: many large files, one very large, many small. Sizes in bytes."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024
KIB = 1024


@dataclass(frozen=True, slots=True)
class Shape:
    """A model of `count` files of `size` bytes each."""

    name: str
    count: int
    size: int

    @property
    def bytes(self) -> int:
        """All bytes of it."""
        return self.count * self.size

    @property
    def files(self) -> tuple[str, ...]:
        """The names of its files."""
        return tuple(f"part-{index:05}.safetensors" for index in range(self.count))


FULL = (Shape("many", 8, 256 * MIB), Shape("one", 1, 2048 * MIB), Shape("small", 2000, 20 * KIB))
QUICK = (Shape("many", 8, 8 * MIB), Shape("one", 1, 64 * MIB), Shape("small", 200, 20 * KIB))
