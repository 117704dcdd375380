"""How functions speak to AWS: short timeouts and few repetitions, so that an answer is given before their time is up."""

from __future__ import annotations

from botocore.config import Config

SHORT = Config(connect_timeout=3, read_timeout=8, retries={"total_max_attempts": 3, "mode": "standard"})
