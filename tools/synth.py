"""Print the templates of one environment for review: no account, no network, no lookup.

Usage: .venv/bin/python tools/synth.py --env prod
The templates go to standard output as YAML, one document for each stack; where they lie goes to standard error.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "constructs")]
# jsii frames a banner about Node.js 20, which the CDK CLI still runs on, that would drown the result.
os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")

from tools.synthesis import synthesize  # noqa: E402
from weighbridge.errors import InputError  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description="Print the templates of one environment for review.")
    parser.add_argument("--env", required=True, help="name of a file in environments/, without .yaml")
    parser.add_argument("--environments", default=str(ROOT / "environments"), help="the folder of these files")
    arguments = parser.parse_args()
    outdir = ROOT / "cdk.out" / "review" / arguments.env
    shutil.rmtree(outdir, ignore_errors=True)
    context = {"weighbridge:environment": arguments.env, "weighbridge:environments": arguments.environments}
    try:
        synthesis = synthesize(outdir=outdir, validation=False, context=context)
    except InputError as error:
        print(f"synth: {error}", file=sys.stderr)
        return error.exit_code
    templates = synthesis.templates()
    for stack, path in templates.items():
        print(f"---\n# {stack}")
        print(yaml.safe_dump(synthesis.template(stack), sort_keys=False, width=120), end="")
        print(f"{stack}: {os.path.relpath(path)}", file=sys.stderr)
    print(f"{len(templates)} stacks of {arguments.env}, synthesized offline", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
