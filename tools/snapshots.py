"""Keep the templates of all environments in tests/templates/snapshots, one file a stack, so that a review sees what a change does to them.

Usage: .venv/bin/python tools/snapshots.py

Left out is what every change of code would touch and no reviewer reads: digests of assets and of the layer's lock, the CDK's
bootstrap check. Keys are sorted, so that a difference is as small as what differs.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "constructs")]
# jsii frames a banner about Node.js 20, which the CDK CLI still runs on, that would drown the result.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from tools.synthesis import synthesize  # noqa: E402
from weighbridge.canonical import Json, JsonObject  # noqa: E402
from weighbridge.errors import InputError  # noqa: E402

FOLDER = ROOT / "tests" / "templates" / "snapshots"
_ASSET = re.compile(r"\b[0-9a-f]{64}(?=\.(zip|json))")
_LOCK = re.compile(r"(locks/layer\.txt) [0-9a-f]{16}")


def snapshot(template: JsonObject) -> str:
    """Return a template as it is kept."""
    kept = {key: value for key, value in template.items() if key != "Rules"}
    parameters = {**_object(template.get("Parameters"))}
    parameters.pop("BootstrapVersion", None)
    kept["Parameters"] = parameters
    return json.dumps(_reviewed(kept), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def name_of(stack: str) -> str:
    """Return the name of a stack's file."""
    return f"{stack.removeprefix('weighbridge-')}.json"


def _reviewed(value: Json) -> Json:
    if isinstance(value, str):
        return _LOCK.sub(r"\1 DIGEST", _ASSET.sub("DIGEST", value))
    if isinstance(value, list):
        return [_reviewed(each) for each in value]
    if isinstance(value, dict):
        return {key: _reviewed(each) for key, each in value.items()}
    return value


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="snapshots-") as folder:
        try:
            synthesis = synthesize(outdir=Path(folder), validation=False)
        except InputError as error:
            print(f"snapshots: {error}", file=sys.stderr)
            return error.exit_code
        kept = {name_of(stack): snapshot(synthesis.template(stack)) for stack in synthesis.templates()}
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        if path.name not in kept:
            path.unlink()
            print(f"{path.relative_to(ROOT)}: removed")
    for name, text in kept.items():
        path = FOLDER / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
