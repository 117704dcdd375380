"""Does the Hugging Face proxy speak as huggingface_hub 2.x needs it? Source: huggingface_hub `file_download.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from weighbridge.doctor.check import Check
from weighbridge.doctor.findings import Judgement, NotCheckedError, ok, problem, warning
from weighbridge.doctor.probe import Answer, Probe
from weighbridge.doctor.setup import Setup
from weighbridge.registry.http import REDIRECTS
from weighbridge.registry.models import quote_path

COMMIT = re.compile(r"[0-9a-f]{40}")


def commit(setup: Setup) -> Iterator[Judgement]:
    """HEAD of a file must tell the commit, an ETag and the size: without them the client reports a broken network."""
    probe, base = _proxy(setup)
    revision = _revision(setup, probe, base)
    answer = probe.send("HEAD", f"{base}/{setup.hub_model}/resolve/{revision}/{_a_file(setup, probe, base, revision)}")
    headers = answer.headers
    missing = [
        what
        for what, names in (
            ("X-Repo-Commit", ("x-repo-commit",)),
            ("ETag", ("x-linked-etag", "etag")),
            ("Content-Length", ("x-linked-size", "content-length")),
        )
        if not any(headers.get(name) for name in names)
    ]
    remedy = "upgrade Artifactory, and let the reverse proxy pass these headers through"
    if answer.status >= 400:
        yield problem(f"the proxy answers HEAD of a file with {answer.status}", remedy=remedy)
    elif missing:
        yield problem(f"the proxy's answer to HEAD lacks {', '.join(missing)}", remedy=remedy)
    elif headers["x-repo-commit"] != revision:
        yield problem(f"the proxy serves commit {headers['x-repo-commit']} for {revision}", remedy=remedy)
    else:
        yield ok("the proxy tells commit, ETag and size")


def tree(setup: Setup) -> Iterator[Judgement]:
    """huggingface_hub 2.x lists a snapshot's files with /tree; older proxies serve only the revision's siblings."""
    probe, base = _proxy(setup)
    answer = _tree(setup, probe, base, _revision(setup, probe, base))
    files = answer.json() if answer.status == 200 else None
    if isinstance(files, list) and files:
        yield ok(f"the proxy lists {len(files)} entries of {setup.hub_model}")
    else:
        remedy = "upgrade Artifactory to a version that serves /api/models/.../tree, or pin huggingface_hub below 1.0"
        yield problem(f"the proxy does not list a snapshot's files with /tree ({answer.status})", remedy=remedy)


def xet(setup: Setup) -> Iterator[Judgement]:
    """With a Xet hint a client that has hf_xet asks the proxy for a token that it does not have."""
    probe, base = _proxy(setup)
    revision = _revision(setup, probe, base)
    listing = _tree(setup, probe, base, revision)
    answer = probe.send("HEAD", f"{base}/{setup.hub_model}/resolve/{revision}/{_a_file(setup, probe, base, revision)}")
    hinted = (
        b'"xetHash"' in listing.body or "x-xet-hash" in answer.headers or "xet-auth" in answer.headers.get("link", "")
    )
    if hinted:
        remedy = (
            "set HF_HUB_DISABLE_XET=1 wherever the proxy is used (weighbridge's own jobs do), or pass Xet hints off"
        )
        yield warning("the proxy passes Xet hints on, which clients follow past it", remedy=remedy)
    else:
        yield ok("the proxy passes no Xet hints on")


def storage(setup: Setup) -> Iterator[Judgement]:
    """A redirect of the proxy itself leads past the registry: to the hub, or to its storage."""
    probe, base = _proxy(setup)
    revision = _revision(setup, probe, base)
    path = f"{base}/{setup.hub_model}/resolve/{revision}/{_a_file(setup, probe, base, revision)}"
    answer = probe.send("GET", path, headers={"Range": "bytes=0-0"})
    if answer.status in REDIRECTS:
        target = answer.headers.get("location", "").partition("?")[0]
        remedy = "switch redirects of the proxy off, or let training jobs reach that host"
        yield warning(f"the proxy redirects downloads to {target}", remedy=remedy)
    elif answer.status < 300:
        yield ok("the proxy serves files itself")
    else:
        remedy = "give the identity Deploy/Cache on the proxy, and see its blocking policies"
        yield problem(f"the proxy does not serve a file ({answer.status})", remedy=remedy)


def _proxy(setup: Setup) -> tuple[Probe, str]:
    key = setup.settings.registry.hub_repository
    if key is None:
        raise NotCheckedError(
            "the settings name no proxy", remedy="set registry.hub_repository, if jobs pull a base model"
        )
    return setup.registry.probe("scientist", "administrator", "reader"), f"api/huggingfaceml/{key}"


def _revision(setup: Setup, probe: Probe, base: str) -> str:
    answer = probe.send("GET", f"{base}/api/models/{quote_path(setup.hub_model)}/revision/main")
    body = answer.json() if answer.status == 200 else None
    found = str(body.get("sha", "")) if isinstance(body, dict) else ""
    if not COMMIT.fullmatch(found):
        raise NotCheckedError(
            f"the proxy tells no revision of {setup.hub_model} ({answer.status})",
            remedy="name a model that the proxy may fetch with --hub-model, and see that its upstream answers",
        )
    return found


def _tree(setup: Setup, probe: Probe, base: str, revision: str) -> Answer:
    return probe.send("GET", f"{base}/api/models/{setup.hub_model}/tree/{revision}?recursive=true&expand=false")


def _a_file(setup: Setup, probe: Probe, base: str, revision: str) -> str:
    """The name of a small file; nearly every model has a config.json."""
    answer = _tree(setup, probe, base, revision)
    files = answer.json() if answer.status == 200 else None
    sizes = {
        str(entry.get("path")): entry.get("size")
        for entry in (files if isinstance(files, list) else [])
        if isinstance(entry, dict) and entry.get("type") == "file"
    }
    if not sizes or "config.json" in sizes:
        return "config.json"
    return quote_path(min(sizes, key=lambda name: (not isinstance(sizes[name], int), str(sizes[name]).zfill(20))))


PROXY_CHECKS = (
    Check("proxy.commit", "Does the proxy tell commit, ETag and size of a file?", commit),
    Check("proxy.tree", "Does the proxy list a snapshot's files?", tree),
    Check("proxy.xet", "Does the proxy keep Xet hints to itself?", xet),
    Check("proxy.storage", "Does the proxy serve files itself?", storage),
)
