"""Tell a file's format from its first bytes; its name only says how a text is to be read."""

from __future__ import annotations

import io
import pickletools
import re
from typing import Literal

SNIFFED = 4096

Format = Literal["safetensors", "gguf", "onnx", "sentencepiece", "png", "jpeg", "gif", "webp", "text", "pickle", "archive", "executable",
                 "unsupported", "unknown", "empty"]  # fmt: skip

_ARCHIVES = (
    b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c",
    b"Rar!", b"\x04\x22\x4d\x18", b"MSCF", b"!<arch>", b"\x1f\x9d", b"LZIP", b"\x5d\x00\x00", b"xar!", b"hsqs",
)  # fmt: skip
_PROGRAMS = (
    b"\x7fELF", b"MZ", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe",
    b"\x00asm", b"dex\n", b"BC\xc0\xde", b"#!",
)  # fmt: skip
_UNSUPPORTED = {
    b"\x89HDF\r\n\x1a\n": "HDF5 (Keras)", b"\x93NUMPY": "NumPy", b"PAR1": "Parquet", b"ARROW1": "Arrow", b"SQLite format 3": "SQLite",
    b"%PDF": "PDF", b"RIFF": "RIFF", b"ggml": "GGML", b"ggjt": "GGML", b"ggla": "GGML", b"FUGG": "GGUF, big-endian",
    b"\x00\x00\x00\x0cjP": "JPEG 2000", b"II*\x00": "TIFF", b"MM\x00*": "TIFF", b"BM": "BMP",
}  # fmt: skip
_OPENING = frozenset("c(}])IiSVFJKMNLGUXTlatd")
_CALLS = frozenset(
    {"GLOBAL", "INST", "STACK_GLOBAL", "REDUCE", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD", "EXT1", "EXT2", "EXT4"}
)
_TORCH_ZIP = re.compile(rb"(/|^)(data\.pkl|constants\.pkl|version|\.format_version|byteorder)|code/__torch__")
# ModelProto: ir_version 1 to 30, then producer, domain, doc, graph, opset or metadata (onnx.proto, ModelProto).
_ONNX = re.compile(rb"\x08[\x01-\x1e][\x12\x1a\x22\x28\x32\x3a\x42\x72\xa2\xca]", re.DOTALL)


# ModelProto: a first piece of up to 127 bytes, which begins with its text (sentencepiece_model.proto).
_SENTENCEPIECE = re.compile(rb"\n[\x03-\x7f]\n[\x01-\x7d][^\x00-\x08]{1,125}?(\x15|\x18)", re.DOTALL)


def sniff(head: bytes, *, size: int) -> tuple[Format, str]:
    """Return the format of a file that begins with `head` (4 KiB of it), and a word for people.

    Args:
        size: of the whole file, in bytes.
    """
    if not size:
        return "empty", "empty"
    found = _by_magic(head)
    if found is not None:
        return found
    if _is_pickle(head):
        return "pickle", "pickle"
    if _is_safetensors(head):
        return "safetensors", "safetensors"
    if _ONNX.match(head):
        return "onnx", "ONNX"
    if _SENTENCEPIECE.match(head) and not _is_text(head):
        return "sentencepiece", "SentencePiece"
    if _is_text(head):
        return "text", "text"
    return "unknown", "unknown"


def _by_magic(head: bytes) -> tuple[Format, str] | None:
    if head.startswith(b"GGUF"):
        return "gguf", "GGUF"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png", "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg", "JPEG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif", "GIF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp", "WebP"
    if head.startswith(b"PK\x03\x04") and _TORCH_ZIP.search(head[30:512]):
        return "pickle", "PyTorch archive"
    if head.startswith(_ARCHIVES) or head[257:262] == b"ustar" or _is_zlib(head):
        return "archive", "archive"
    if head.startswith(_PROGRAMS):
        return "executable", "program"
    if head.startswith(b"\x93NUMPY") and re.search(rb"'descr':[^,]*O", head[:512]):
        return "pickle", "NumPy array of objects"
    for magic, name in _UNSUPPORTED.items():
        if head.startswith(magic):
            return "unsupported", name
    if head[4:8] == b"TFL3":
        return "unsupported", "TensorFlow Lite"
    return None


def _is_zlib(head: bytes) -> bool:
    # RFC 1950: method 8, window up to 32 KiB, and a check that makes both bytes a multiple of 31 (joblib writes such).
    return len(head) > 2 and head[0] == 0x78 and head[1] in (0x01, 0x5E, 0x9C, 0xDA) and not head[:64].isascii()


def _is_pickle(head: bytes) -> bool:
    if re.match(rb"\x80[\x01-\x05]", head):
        return True
    if not head or chr(head[0]) not in _OPENING:
        return False
    calls = 0
    try:
        for opcode, _, _ in pickletools.genops(io.BytesIO(head)):
            calls += opcode.name in _CALLS
            if opcode.name == "STOP":
                return calls > 0
    except Exception:
        # Anything that is no pickle ends here; a pickle longer than `head` has called something by then, or is no text.
        return calls > 1 and not _is_text(head)
    return False


def _is_safetensors(head: bytes) -> bool:
    return len(head) > 8 and head[8:9] == b"{" and (head[:8] != head[:8].strip() or b"\x00" in head[:8])


def _is_text(head: bytes) -> bool:
    if head.count(b"\x00"):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and error.start > len(head) - 4
    return True
