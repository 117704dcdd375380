"""A plain ModelTrainer with the real SDK: python -m tests.sdk.trainer_scenes SCENE, with an AWS of one's own.

validate PATH     the SDK's own schema
plain IMAGE       ModelTrainer told of nothing but its image and code
governed IMAGE    the same with weighbridge.sdk.governed
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml
from sagemaker.core.config.config import validate_sagemaker_config
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import SourceCode

from weighbridge.sdk import governed


def code() -> SourceCode:
    """A data scientist's script."""
    folder = Path("code")
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text("print('training')\n")
    return SourceCode(source_dir=str(folder), entry_script="train.py")


def train(trainer: ModelTrainer) -> str:
    """Start the job and return its name."""
    trainer.train(wait=False, logs=False)
    return str(trainer._latest_training_job.training_job_name)


def main() -> int:
    """Play one scene; the last line of standard output is what the test reads."""
    scene, argument = sys.argv[1:]
    if scene == "validate":
        validate_sagemaker_config(yaml.safe_load(Path(argument).read_text()))
        found = "valid"
    elif scene == "plain":
        found = train(ModelTrainer(training_image=argument, source_code=code()))
    else:
        found = train(ModelTrainer(training_image=argument, source_code=code(), **governed(scene)))
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
