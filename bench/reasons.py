"""Why a goal is missed where it is: first what the cores forbid, by this run's own figures, then what profiling found."""

from __future__ import annotations

from bench.contenders import CURL, FROGML, HUB_CLIENT, REQUESTS, S5CMD
from bench.goals import Goal

_VERIFYING = (
    "SHA-256 and its share of the cores are what the other leaves out: receiving, hashing and writing each 512 KiB are nearly "
    "all of the pull's CPU time (docs/pull.md), and the server needs the same cores"
)
_ONE = (
    "one file has one stream in curl and no hash; here its runs are written by several workers, who wait for each other at "
    "the file's lock in the kernel, and SHA-256 takes its part of cores that the server needs too"
)
_TLS = (
    "TLS is decrypted in Python's ssl, one call a 16 KiB record and one lock round trip each, and hashed as well; both compete "
    "for the cores with the server's encryption"
)
_WHY: dict[tuple[str, str, str], str] = {
    ("many", "http", CURL): _VERIFYING,
    ("many", "http", S5CMD): _VERIFYING,
    ("many", "http", REQUESTS): (
        "requests spends its CPU time on the same three things, receiving, hashing and writing; where SHA-256 is done by the "
        "processor's own instructions and system calls are cheap, what is left to save is its copies"
    ),
    ("many", "http", HUB_CLIENT): (
        "huggingface_hub hashes nothing and downloads eight files at once: it cannot be beaten by more than the cost of its "
        "copies"
    ),
    ("many", "https", CURL): _TLS,
    ("many", "https", FROGML): _TLS,
    ("one", "http", CURL): _ONE,
    ("one", "https", CURL): f"{_ONE}; {_TLS}",
    ("small", "http", CURL): (
        "a file costs about 70 microseconds of CPU: 10 for SHA-256, 25 for its system calls (open, write, chmod, close, rename, "
        "send, receive), the rest Python, one thread at a time; curl writes to the final name and hashes nothing"
    ),
}  # fmt: skip
BOUND = (
    "the bound leaves out what no client can: waiting for the server's next bytes, Python between system calls, opening and "
    "renaming, and two processes that share caches and cores"
)
PEAK = "every worker holds one 512 KiB buffer; the rest is the interpreter with its modules"


def reason(goal: Goal, *, floor: float | None) -> str:
    """Return why a goal was missed. `floor` is the ratio that the physical bound would have had in the same rounds."""
    found = _WHY.get((goal.shape, goal.scheme, goal.against), "not explained yet: profile it")
    if floor is not None and floor > goal.most:
        forbidden = f"forbidden on these cores: receiving, hashing, writing and sending alone take {floor:.2f}x of {goal.against}'s"
        return f"{forbidden} {'CPU time' if goal.measure == 'cpu' else 'time'}. Beyond that, {found}"
    return found if floor is None else f"the bound would allow {floor:.2f}x; {found}"
