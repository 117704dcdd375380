"""The variables by which a job's tools use the registry's proxies and nothing else."""

from __future__ import annotations

HUB_ENVIRONMENT = {
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_ETAG_TIMEOUT": "300",
    "HF_HUB_DOWNLOAD_TIMEOUT": "300",
}
"""huggingface_hub reads these when it is imported. A proxy may hold a first download while it scans, hence 300 s; Xet
would leave the proxy for another host, and a progress bar is no log line."""


def proxy_environment(*, registry_url: str, hub_repository: str, pypi_repository: str | None = None) -> dict[str, str]:
    """Return the variables by which huggingface_hub and pip use the registry and nothing else. None holds a credential.

    Args:
        registry_url: ends in `/artifactory`.
    """
    found = {**HUB_ENVIRONMENT, "HF_ENDPOINT": f"{registry_url}/api/huggingfaceml/{hub_repository}"}
    if pypi_repository is not None:
        found["PIP_INDEX_URL"] = f"{registry_url}/api/pypi/{pypi_repository}/simple"
    return found
