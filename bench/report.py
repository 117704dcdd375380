"""The results as text: each goal with what was measured, then every contender's medians."""

from __future__ import annotations

from bench.contenders import WEIGHBRIDGE
from bench.goals import BOUND_GOALS, GOALS, PEAK_GOAL
from bench.reasons import BOUND, PEAK, reason
from bench.results import Results, median_of


def goal_table(results: Results) -> str:
    """Return the goals as a Markdown table."""
    lines = ["| files | against | goal | measured | |", "|---|---|---|---|---|"]
    for goal in GOALS:
        key = f"{goal.shape} {goal.scheme}"
        found = results.ratio(key, goal.against, goal.measure)
        told = results.missing.get(goal.against, "not measured") if found is None else f"{found:.2f}x"
        lines.append(
            f"| {goal.shape}, {goal.scheme.upper()} | {goal.against} | {goal.measure} <= {goal.most}x | {told} | "
            f"{_verdict(found is not None and found <= goal.most, found)} |"
        )
    for scheme, least in BOUND_GOALS.items():
        found = results.of_bound(f"many {scheme}", scheme, results.sizes["many"])
        told = "not measured" if found is None else f"{found:.2f}"
        verdict = _verdict(found is not None and found >= least, found)
        lines.append(f"| many, {scheme.upper()} | physical bound | >= {least} | {told} | {verdict} |")
    peak = max((run.peak for case in results.runs.values() for run in case.get(WEIGHBRIDGE, [])), default=None)
    told = "not measured" if peak is None else f"{peak / 1e6:.0f} MB"
    lines.append(
        f"| all | peak memory | <= 100 MB | {told} | {_verdict(peak is not None and peak <= PEAK_GOAL, peak)} |"
    )
    return "\n".join(lines) + "\n"


def missed(results: Results) -> str:
    """Return one line for each goal that was missed, with the reason; empty when none was."""
    lines = []
    for goal in GOALS:
        key = f"{goal.shape} {goal.scheme}"
        found = results.ratio(key, goal.against, goal.measure)
        if found is not None and found > goal.most:
            why = reason(goal, floor=results.floor(key, goal.against, goal.measure))
            lines.append(f"- {key}, {goal.against}, {goal.measure} {found:.2f}x: {why}.")
    for scheme, least in BOUND_GOALS.items():
        found = results.of_bound(f"many {scheme}", scheme, results.sizes["many"])
        if found is not None and found < least:
            lines.append(f"- many {scheme}, physical bound {found:.2f}: {BOUND}.")
    if any(run.peak > PEAK_GOAL for case in results.runs.values() for run in case.get(WEIGHBRIDGE, [])):
        lines.append(f"- peak memory: {PEAK}.")
    return "\n".join(["Missed, and why:", "", *lines, ""]) if lines else ""


def median_table(results: Results) -> str:
    """Return every contender's medians as a Markdown table."""
    lines = ["| files | client | wall s | GB/s | client CPU s/GB | peak MB |", "|---|---|---|---|---|---|"]
    for key, case in results.runs.items():
        size = results.sizes[key.split()[0]]
        for contender, runs in sorted(case.items(), key=lambda item: median_of(item[1], "wall")):
            wall, cpu = median_of(runs, "wall"), median_of(runs, "cpu")
            lines.append(
                f"| {key} | {contender} | {wall:.2f} | {size / 1e9 / wall:.2f} | {cpu / size * 1e9:.2f} | "
                f"{max(run.peak for run in runs) / 1e6:.0f} |"
            )
    for scheme, bounds in results.bounds.items():
        rate = sorted(bound.rate(results.cores) for bound in bounds)[len(bounds) // 2]
        lines.append(f"| many {scheme} | physical bound | | {rate / 1e9:.2f} | | |")
    return "\n".join(lines) + "\n"


def _verdict(good: bool, found: float | None) -> str:
    return "" if found is None else "reached" if good else "**missed**"
