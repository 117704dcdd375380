"""The release manifest: one immutable record of the model triad, and the digests of its files."""

from weighbridge.release.build import BuiltRelease, FileDigests, build_release, files_in, hash_file
from weighbridge.release.chunks import ChunkDigests, chunk_count, parse_chunks
from weighbridge.release.manifest import (
    BOM_PATH,
    CHUNK_SIZE,
    CHUNKS_PATH,
    RELEASE_LIMIT,
    BaseModel,
    Bom,
    Chunks,
    Component,
    ComponentRole,
    Dataset,
    Lineage,
    LineageField,
    Release,
    Runtime,
    parse_release,
)
from weighbridge.release.paths import check_path, check_paths

__all__ = [
    "BOM_PATH",
    "CHUNKS_PATH",
    "CHUNK_SIZE",
    "RELEASE_LIMIT",
    "BaseModel",
    "Bom",
    "BuiltRelease",
    "ChunkDigests",
    "Chunks",
    "Component",
    "ComponentRole",
    "Dataset",
    "FileDigests",
    "Lineage",
    "LineageField",
    "Release",
    "Runtime",
    "build_release",
    "check_path",
    "check_paths",
    "chunk_count",
    "files_in",
    "hash_file",
    "parse_chunks",
    "parse_release",
]
