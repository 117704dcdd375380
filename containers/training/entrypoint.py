"""`docker run IMAGE train`: what SageMaker runs in a training job."""

from __future__ import annotations

import sys

from containers.training.job import main

if __name__ == "__main__":
    sys.exit(main())
