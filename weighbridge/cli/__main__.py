"""`python -m weighbridge.cli`, for environments without the installed script."""

from __future__ import annotations

from weighbridge.cli import main

main()
