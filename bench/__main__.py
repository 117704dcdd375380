"""Measure the verified pull beside its peers. `make bench` runs it; `make bench QUICK=1` tries it with small files.

Every round runs every contender of every case once, in an order that changes from round to round; ratios are taken within
a round, so that what else the machine does falls on all alike.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.contenders import CLIENTS, ROOT, WEIGHBRIDGE, Interpreters, Job, missing, run
from bench.dataset import Dataset, make_dataset, model_path
from bench.goals import PAIRS, contenders_of
from bench.measure import ContenderError
from bench.quiet import BUSY_SHARE, busy_share, refuse_busy
from bench.report import goal_table, median_table, missed
from bench.results import Bound, Results
from bench.sizes import FULL, QUICK, Shape
from bench.webserver import WebServer, find_nginx, serving

MEMORY = Path("/dev/shm")


def main() -> int:
    arguments = _arguments()
    find_nginx()
    if arguments.publish:
        refuse_busy()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench stopped: SIGTERM"))
    began = time.monotonic()
    shapes = QUICK if arguments.quick else FULL
    place = _place(sum(shape.bytes for shape in shapes))
    results = Results(cores=len(os.sched_getaffinity(0)), machine=_machine(), sizes={s.name: s.bytes for s in shapes})
    with tempfile.TemporaryDirectory(prefix="weighbridge-bench-", dir=place) as name:
        folder = Path(name)
        print(f"bench: writing {sum(shape.bytes for shape in shapes) / 1e9:.1f} GB to {folder} ...", flush=True)
        dataset = make_dataset(folder, shapes)
        with serving(folder, dataset) as server:
            for number in range(arguments.rounds):
                results.busy.append(busy_share(seconds=1.0))
                _round(number, arguments.rounds, shapes, folder, server, dataset, results)
    arguments.out.mkdir(parents=True, exist_ok=True)
    results.write(arguments.out / "results.json")
    text = f"# Benchmarks of the pull\n\n{_conditions(results, arguments.rounds)}\n{goal_table(results)}\n"
    text += "\n".join(part for part in (missed(results), median_table(results)) if part)
    (arguments.out / "results.md").write_text(text)
    print(text)
    print(f"bench: {time.monotonic() - began:.0f} s in all")
    _plot(arguments.out)
    if arguments.publish:
        for name, target in (("results.md", "pull-benchmarks.md"), ("results.png", "pull-benchmarks.png")):
            if (arguments.out / name).exists():
                shutil.copyfile(arguments.out / name, ROOT / "docs" / target)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the verified pull beside its peers.")
    parser.add_argument("--quick", action="store_true", help="small files: shows that it works, not how fast it is")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is repeated")
    parser.add_argument(
        "--publish", action="store_true", help="copy table and plot to docs/; only from a quiet machine"
    )
    parser.add_argument("--out", type=Path, default=ROOT / ".build" / "bench", help="folder of the results")
    found = parser.parse_args()
    if found.rounds < 1:
        parser.error("--rounds: at least 1")
    if found.publish and found.quick:
        parser.error("--publish: figures of --quick say nothing: leave one of them out")
    return found


def _round(
    number: int, rounds: int, shapes: tuple[Shape, ...], folder: Path, server: WebServer, dataset: Dataset,
    results: Results,
) -> None:  # fmt: skip
    by_name = {shape.name: shape for shape in shapes}
    for scheme in ("http", "https"):
        results.bounds.setdefault(scheme, []).append(_bound(by_name["many"], scheme, folder, server))
    for name, scheme in PAIRS:
        job = Job(by_name[name], scheme, folder / "out", folder, server, dataset)
        contenders = [WEIGHBRIDGE, *contenders_of(name, scheme)]
        for contender in contenders[number % len(contenders) :] + contenders[: number % len(contenders)]:
            if contender in results.missing:
                continue
            reason = missing(contender)
            if reason is not None:
                results.missing[contender] = reason
                continue
            try:
                measured = run(contender, job)
            except ContenderError as error:
                results.missing[contender] = " ".join(f"failed: {error}".split())[-300:]
                print(f"bench: {contender}: {results.missing[contender]}", file=sys.stderr, flush=True)
                continue
            results.add(f"{name} {scheme}", contender, measured)
            print(
                f"bench: round {number + 1}/{rounds} {name} {scheme}: {contender}: {measured.wall:.2f} s, "
                f"CPU {measured.cpu:.2f} s, peak {measured.peak / 1e6:.0f} MB",
                flush=True,
            )


def _bound(shape: Shape, scheme: str, folder: Path, server: WebServer) -> Bound:
    """Measure receiving, hashing, writing and sending one file, each by itself."""
    port = server.origin(scheme).rpartition(":")[2]
    ca = str(server.ca) if scheme == "https" else "-"
    before = server.cpu_seconds()
    done = subprocess.run(
        [Interpreters().dev, CLIENTS / "bound.py", "127.0.0.1", port, ca, f"/{model_path(shape, shape.files[0])}",
         str(shape.size), folder],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    gigabytes = shape.size / 1e9
    return Bound(
        receive=found["receive"] / gigabytes,
        hash=found["hash"] / gigabytes,
        write=found["write"] / gigabytes,
        send=(server.cpu_seconds() - before) / gigabytes,
    )


def _place(size: int) -> Path:
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 3 * size:
        return MEMORY
    folder = ROOT / ".build"
    folder.mkdir(exist_ok=True)
    return folder


def _machine() -> str:
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    return f"{len(os.sched_getaffinity(0))} cores of {models[0] if models else platform.machine()}"


def _conditions(results: Results, rounds: int) -> str:
    lines = [
        f"{results.machine}, loopback, nginx on the same cores, {rounds} rounds, medians of ratios within a round."
    ]
    if max(results.busy) > BUSY_SHARE:
        lines.append(f"Busy with something else just before a round: {max(results.busy):.0%} of the cores.")
    lines += [f"Not measured: {name}: {reason}." for name, reason in results.missing.items()]
    return "\n".join(lines) + "\n"


def _plot(out: Path) -> None:
    python = Interpreters().plot
    (out / "results.png").unlink(missing_ok=True)
    if not python.exists():
        print("bench: no plot: .envs/bench is missing", file=sys.stderr)
        return
    subprocess.run([python, ROOT / "bench" / "plot.py", out / "results.json", out / "results.png"], check=True)
    print(f"bench: {out / 'results.md'}, {out / 'results.png'}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        sys.exit(f"bench stopped: {error}")
