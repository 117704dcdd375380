"""Is the registry there, of a version that fits, with valid tokens and a clock that agrees?"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Iterator
from datetime import timedelta

from weighbridge.doctor.check import Check
from weighbridge.doctor.findings import Judgement, NotCheckedError, ok, problem, unknown, warning
from weighbridge.doctor.setup import Setup, token_variable
from weighbridge.errors import RegistryUnavailableError

# frogml's package metadata: machinelearning repositories need Artifactory 7.84.
LEAST_VERSION = (7, 84)
# New Hugging Face repositories have the machine-learning structure from 7.111.1 (JFrog, "Migrate legacy Hugging Face").
GOOD_VERSION = (7, 111)
CLOCK_WARNING = timedelta(seconds=60)
# AWS signatures are refused beyond five minutes, and short-lived metadata expires early or late.
CLOCK_PROBLEM = timedelta(minutes=5)


def reachable(setup: Setup) -> Iterator[Judgement]:
    """Ask GET /api/system/ping."""
    url = setup.settings.registry.url
    try:
        answer = setup.registry.anonymous.send("GET", "api/system/ping")
    except RegistryUnavailableError as error:
        yield problem(str(error), remedy="check registry.url, DNS, firewall and proxy between here and the registry")
        return
    if answer.status in (200, 401, 403):
        yield ok(f"{url} answers")
    else:
        yield problem(f"{url} answers ping with {answer.status}", remedy="registry.url must be Artifactory's base URL")


def version(setup: Setup) -> Iterator[Judgement]:
    """Ask GET /api/system/version."""
    probe = setup.registry.probe("reader", "scientist", "registrar", "promoter", "administrator")
    answer = probe.send("GET", "api/system/version")
    body = answer.json() if answer.status == 200 else None
    text = str(body.get("version", "")) if isinstance(body, dict) else ""
    found = re.match(r"(\d+)\.(\d+)", text)
    if found is None:
        remedy = "ask the platform team for the version; 7.84 is needed"
        yield unknown(f"the registry does not tell its version (status {answer.status})", remedy=remedy)
        return
    number = (int(found[1]), int(found[2]))
    if number < LEAST_VERSION:
        yield problem(f"Artifactory {text} has no machinelearning repositories", remedy="upgrade to 7.84 or newer")
    elif number < GOOD_VERSION:
        remedy = "upgrade to 7.111.1 or newer before you create the Hugging Face proxy"
        yield warning(f"Artifactory {text} makes Hugging Face repositories of the old structure", remedy=remedy)
    else:
        yield ok(f"Artifactory {text}")


def tokens(setup: Setup) -> Iterator[Judgement]:
    """Read the root of a repository with each token: 401 means that the token is not valid."""
    if not setup.registry.probes:
        raise NotCheckedError("no token is known", remedy=f"export {token_variable('reader')} or fill the secret")
    for identity, probe in setup.registry.probes.items():
        answer = probe.send("GET", f"api/storage/{setup.settings.registry.models_repository}")
        if answer.status == 401:
            remedy = f"make a new token for it and put it into the secret or {token_variable(identity)}"
            yield problem(f"the {identity}'s token is not valid (401)", remedy=remedy)
        else:
            yield ok(f"the {identity}'s token is valid")


def anonymous(setup: Setup) -> Iterator[Judgement]:
    """Read both repositories of the channel as nobody."""
    for repository in (setup.settings.registry.models_repository, setup.settings.registry.records_repository):
        status = setup.registry.anonymous.send("GET", f"api/storage/{repository}").status
        if status < 400:
            remedy = "switch anonymous access off, or exclude the repository from it"
            yield warning(f"{repository} can be read without a token", remedy=remedy)
        else:
            yield ok(f"{repository} cannot be read without a token")


def clock(setup: Setup) -> Iterator[Judgement]:
    """Compare the answer's Date header with the clock here."""
    header = setup.registry.anonymous.send("GET", "api/system/ping").headers.get("date", "")
    try:
        told = email.utils.parsedate_to_datetime(header)
    except ValueError:
        yield unknown("the registry's answers bear no Date", remedy="check its reverse proxy")
        return
    skew = abs(setup.now - told)
    seconds = int(skew.total_seconds())
    remedy = "synchronise both clocks (NTP): expiry and AWS signatures depend on them"
    if skew > CLOCK_PROBLEM:
        yield problem(f"the registry's clock and this one differ by {seconds} s", remedy=remedy)
    elif skew > CLOCK_WARNING:
        yield warning(f"the registry's clock and this one differ by {seconds} s", remedy=remedy)
    else:
        yield ok(f"the clocks agree within {int(CLOCK_WARNING.total_seconds())} s")


SERVICE_CHECKS = (
    Check("registry.reachable", "Does the registry answer at registry.url?", reachable, gate=True),
    Check("registry.version", "Is Artifactory new enough for machinelearning and Hugging Face repositories?", version),
    Check("registry.tokens", "Is the token of each identity valid?", tokens),
    Check("registry.anonymous", "Is the channel closed to those without a token?", anonymous),
    Check("registry.clock", "Does the registry's clock agree with this one?", clock),
)
