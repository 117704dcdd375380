"""`docker run IMAGE serve`: verify and pull the promoted release, then become the model server.

The server is WEIGHBRIDGE_SERVER_COMMAND (a JSON array) where the image sets it, else server.py beside this file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from weighbridge.serving import main

if __name__ == "__main__":
    sys.exit(main(default_command=(sys.executable, str(Path(__file__).resolve().with_name("server.py")))))
