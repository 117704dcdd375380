"""Draw the results. Usage: .envs/bench/bin/python bench/plot.py RESULTS.json OUT.png (matplotlib alone, no weighbridge)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

TITLES = {
    "many http": "large files, HTTP",
    "many https": "large files, HTTPS",
    "one http": "one very large file, HTTP",
    "one https": "one very large file, HTTPS",
    "small http": "many small files, HTTP",
}


def main(source: Path, target: Path) -> None:
    """Draw one panel a case: GB/s of each client, the physical bound as a line."""
    results = json.loads(source.read_text())
    cases = results["runs"]
    figure, axes = plt.subplots(len(cases), 1, figsize=(9, 1.1 + sum(0.55 + 0.42 * len(case) for case in cases.values())),
                                height_ratios=[1 + len(case) for case in cases.values()], squeeze=False)  # fmt: skip
    for axis, (key, case) in zip(axes[:, 0], cases.items(), strict=True):
        shape, scheme = key.split()
        size = results["sizes"][shape]
        furthest = 0.0
        speeds = {name: size / 1e9 / median(run["wall"] for run in runs) for name, runs in case.items()}
        ordered = sorted(speeds, key=lambda name: speeds[name])
        colours = ["#1b7f5c" if name.startswith("weighbridge") else "#9aa5b1" for name in ordered]
        bars = axis.barh(ordered, [speeds[name] for name in ordered], color=colours, height=0.7)
        axis.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
        if shape == "many":
            rate = median(
                results["cores"] / sum(bound[part] for part in ("receive", "hash", "write", "send"))
                for bound in results["bounds"][scheme]
            )
            furthest = rate
            axis.axvline(rate, color="#c0392b", linestyle="--", linewidth=1)
            axis.annotate("physical bound", (rate, 0), color="#c0392b", fontsize=8, ha="right", xytext=(-3, 0),
                          textcoords="offset points")  # fmt: skip
        axis.set_title(TITLES[key], loc="left", fontsize=10)
        axis.set_xlim(0, max(furthest, *speeds.values()) * 1.15)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    axes[-1, 0].set_xlabel("GB/s (1 GB = 1e9 bytes), medians; higher is better", fontsize=9)
    figure.suptitle(f"Pulling model weights, {results['machine']}", fontsize=11)
    figure.tight_layout()
    figure.savefig(target, dpi=130)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
