"""`docker run IMAGE train`: what SageMaker runs in a training job."""

from __future__ import annotations

import os
import sys

# Read when numpy and tqdm are imported. One BLAS thread: the matrices are small, and on shared cores two threads wait for
# each other (at a load of 9 on two cores: 96 s with two, 31 s with one; the weights are the same, bit for bit). Progress
# bars of frogml and huggingface_hub would be thousands of log lines.
for name, value in {"OPENBLAS_NUM_THREADS": "1", "TQDM_DISABLE": "1"}.items():
    os.environ.setdefault(name, value)

from containers.training.job import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
