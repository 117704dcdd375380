"""Run the CDK CLI as a user does, and judge it by what became of the stacks, not by its exit status."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import boto3

from local.aws.process import LocalAws
from local.aws.stacks import StackOutcome, StackWatch
from local.process import ROOT

CLI = ROOT / "node_modules" / ".bin" / "cdk"
TOOLKIT = "CDKToolkit"
TIMEOUT_SECONDS = 900.0
# The CLI prints a banner for Node releases that it no longer tests; jsii does so for every synth.
_QUIET = {
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    "CDK_DISABLE_CLI_TELEMETRY": "true",
}


class CdkError(Exception):
    """The CLI did not do what it was asked; the message holds the end of its output."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What one run of the CLI did: each stack's outcome by its name, and how long all of it took."""

    outcomes: Mapping[str, StackOutcome]
    seconds: float
    log: Path

    @property
    def succeeded(self) -> bool:
        """Whether every stack is as it was asked to be."""
        return all(outcome.succeeded for outcome in self.outcomes.values())


@dataclass(frozen=True, slots=True)
class CdkCli:
    """The CLI against one local AWS.

    `app` is what `cdk --app` would get: a command, or the folder of a synth; default: the app of cdk.json. `context` is
    given with `-c KEY=VALUE`. `folder` holds logs, the synth's output and the CLI's home, where it caches accounts.
    """

    aws: LocalAws
    folder: Path
    context: Mapping[str, str] = field(default_factory=dict)
    app: str | None = None
    variables: Mapping[str, str] = field(default_factory=lambda: {"CDK_VALIDATION": "false"})
    timeout_seconds: float = TIMEOUT_SECONDS

    def bootstrap(self) -> Deployment:
        """Run `cdk bootstrap` for the account and region of the local AWS.

        Raises:
            CdkError: when the toolkit's stack is not there afterwards.
        """
        scope = self.aws.scope
        target = f"aws://{scope.account}/{scope.region}"
        return self._run(
            ["bootstrap", target, "--app", "", "--progress", "events"], stacks=(TOOLKIT,), name="bootstrap"
        )

    def deploy(self, *stacks: str, arguments: Sequence[str] = (), concurrency: int = 4) -> Deployment:
        """Run `cdk deploy` for these stacks alone.

        Args:
            stacks: as the CLI names them, such as `weighbridge-dev/network`.
            arguments: further arguments of the CLI.
            concurrency: how many stacks at a time.

        Raises:
            CdkError: when the CLI ended before a stack could fail (synth, missing bootstrap, unknown stack). A stack
                that was rolled back is no error, but an outcome that did not succeed.
        """
        options = ["--exclusively", "--require-approval", "never", "--progress", "events"]
        options += ["--concurrency", str(concurrency), *arguments]
        names = tuple(stack_name(stack) for stack in stacks)
        return self._run(["deploy", *stacks, *options, *self._source()], stacks=names, name="deploy")

    def destroy(self, *stacks: str) -> Deployment:
        """Run `cdk destroy` for these stacks alone."""
        names = tuple(stack_name(stack) for stack in stacks)
        return self._run(
            ["destroy", *stacks, "--exclusively", "--force", *self._source()], stacks=names, name="destroy"
        )

    def _source(self) -> list[str]:
        words = [] if self.app is None else ["--app", self.app]
        if self.app is None or not Path(self.app).is_dir():
            words += ["--output", str(self.folder / "cdk.out")]
        for key, value in self.context.items():
            words += ["--context", f"{key}={value}"]
        return words

    def _run(self, arguments: Sequence[str], *, stacks: tuple[str, ...], name: str) -> Deployment:
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / f"{name}-{len(list(self.folder.glob(f'{name}-*.log'))) + 1}.log"
        watch = StackWatch(client=boto3.client("cloudformation", **self.aws.client_options()), stacks=stacks)
        began = time.monotonic()
        status = self._call([str(CLI), *arguments, "--ci", "--no-notices", "--no-color"], log=log)
        deployment = Deployment(outcomes=watch.outcomes(), seconds=time.monotonic() - began, log=log)
        missing = set(stacks) - set(deployment.outcomes)
        if missing or (status != 0 and deployment.succeeded):
            why = f"{', '.join(sorted(missing))} is not there" if missing else "no stack failed"
            raise CdkError(f"cdk {arguments[0]} ended with status {status}, and {why}:\n{_tail(log)}")
        return deployment

    def _call(self, command: Sequence[str], *, log: Path) -> int:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))},
            **self.aws.environment(),
            **_QUIET,
            **self.variables,
            "HOME": str(home),
        }
        with log.open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
            try:
                return process.wait(self.timeout_seconds)
            except BaseException:
                process.kill()
                process.wait()
                raise


def stack_name(selector: str) -> str:
    """Return the stack's name in CloudFormation for the CLI's `STAGE/STACK`."""
    return selector.replace("/", "-")


def _tail(log: Path, lines: int = 25) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
