"""Which claims fit into frogml's properties. The job record holds all of them; properties are for people who look.

Source of the rule: frogml 2.1.152, storage/utils/_input_checks_utility.py.
"""

from __future__ import annotations

import re

from weighbridge.names import NAME_LIMIT
from weighbridge.registration.job_record import JobRecord

_KEY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_VALUE = re.compile(r"[A-Za-z0-9_-]+([./][A-Za-z0-9_-]+)*|\[[\[\]0-9., -]+\]")


def frogml_properties(record: JobRecord) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the properties that frogml accepts, and the names of those that it would refuse.

    frogml keeps parameters and metrics in one flat map in which metrics win; so does this.
    """
    wanted = {**record.parameters, **record.metrics}
    if record.base_model is not None:
        wanted["base_model"] = record.base_model.repository
        wanted["base_revision"] = record.base_model.revision
    if record.source_commit is not None:
        wanted["source_commit"] = record.source_commit
    fitting = {key: value for key, value in wanted.items() if _fits(key, _KEY) and _fits(value, _VALUE)}
    return fitting, tuple(sorted(set(wanted) - set(fitting)))


def _fits(text: str, pattern: re.Pattern[str]) -> bool:
    return len(text) <= NAME_LIMIT and pattern.fullmatch(text) is not None
