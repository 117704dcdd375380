"""What a DSSE signature is over (DSSE 1.0, secure-systems-lab/dsse, protocol.md)."""

from __future__ import annotations


def pae(*, payload_type: str, payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding, which is what is signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
