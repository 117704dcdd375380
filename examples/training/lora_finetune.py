"""Fine-tune a causal language model with LoRA on one GPU: base model through the proxy, adapter into `incoming`.

Needs `pip install 'weighbridge[train,lora]'` and a GPU. In SageMaker it is the training image's entry point; see README.md
beside this file. The channel `train` holds train.jsonl and test.jsonl, one `{"text": "..."}` a line.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from weighbridge.logs import JsonLog
from weighbridge.release import BaseModel
from weighbridge.training import TrainingJob, TrainingRegistry, pull_base_model, run_job

LORA = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.05, "target_modules": "all-linear", "task_type": "CAUSAL_LM"}
WANTED = ("*.json", "*.safetensors", "tokenizer.model", "merges.txt", "vocab.txt")


def train(job: TrainingJob) -> None:
    """Run the job. Only safetensors are pulled and written, and no code of the model's repository is run."""
    values = job.hyperparameters
    base = BaseModel(repository=values["base_repository"], revision=values["base_revision"])
    registry = TrainingRegistry.read(os.environ)
    hub = registry.hub()
    folder = job.scratch("base")
    pull_base_model(hub=hub, base=base, folder=folder, patterns=WANTED)
    fine_tune(job, folder=folder, base=base)


def fine_tune(job: TrainingJob, *, folder: Path, base: BaseModel) -> None:
    """Fine-tune the model in `folder`; the callback logs the adapter when the Trainer is done."""
    import datasets
    import peft
    import transformers

    from weighbridge.training.trainer import ReleaseCallback

    values = job.hyperparameters
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, trust_remote_code=False, use_safetensors=True, dtype="bfloat16", device_map="auto"
    )
    model = peft.get_peft_model(model, peft.LoraConfig(**LORA))
    files = {name: job.channel_file(channel="train", name=f"{name}.jsonl") for name in ("train", "test")}
    texts = datasets.load_dataset("json", data_files={name: str(path) for name, path in files.items()})
    tokens = texts.map(
        lambda rows: tokenizer(rows["text"], truncation=True, max_length=1024), batched=True, remove_columns=["text"]
    )
    arguments = transformers.TrainingArguments(
        output_dir=str(job.scratch("checkpoints")),
        num_train_epochs=float(values.get("epochs", "1")),
        learning_rate=float(values.get("learning_rate", "0.0002")),
        per_device_train_batch_size=int(values.get("batch_size", "4")),
        seed=int(values.get("seed", "1")),
        bf16=True,
        eval_on_start=True,
        eval_strategy="epoch",
        report_to="none",
    )
    transformers.Trainer(
        model=model,
        args=arguments,
        train_dataset=tokens["train"],
        eval_dataset=tokens["test"],
        processing_class=tokenizer,
        data_collator=transformers.DataCollatorForLanguageModeling(tokenizer, mlm=False),
        callbacks=[
            ReleaseCallback(
                name=values["model_name"],
                version=values["model_version"],
                base_model=base,
                datasets=files,
                parameters={f"lora_{name.removeprefix('lora_')}": value for name, value in LORA.items()},
            )
        ],
    ).train()


if __name__ == "__main__":
    log = JsonLog(out=sys.stdout, err=sys.stderr)
    sys.exit(run_job(arguments=sys.argv[1:], environ=os.environ, log=log, body=train))
