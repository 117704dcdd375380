"""Ordinary files, from the real writers where they are installed: a name and its bytes."""

from __future__ import annotations

import json
import struct

import numpy
import yaml
from inspection_builders import (
    WEBP_ALPHA,
    WEBP_LOSSLESS,
    WEBP_LOSSY,
    function,
    function_node,
    gguf,
    gguf_tensor,
    gif,
    jpeg,
    node,
    onnx,
    pair,
    part,
    piece,
    png,
    png_chunk,
    safetensors,
    sentencepiece,
    string_pair,
    svg,
    tensor,
    text,
    weights,
)
from safetensors.numpy import save
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

Benign = tuple[str, str, bytes]

CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
TEMPLATES = {
    "chatml": CHATML,
    "roles alternate": (
        "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}"
        "{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}"
        "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}"
        "{{ bos_token + '[INST] ' + message['content'].strip() + ' [/INST]' }}{% endfor %}"
    ),
    "date": (
        "{%- if not date_string is defined %}{%- if strftime_now is defined %}{%- set date_string = strftime_now('%d %b %Y') %}"
        "{%- else %}{%- set date_string = '26 Jul 2024' %}{%- endif %}{%- endif %}Today: {{ date_string }}"
    ),
    "thinking": (
        "{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}"
        "{%- for message in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}"
        "{%- if ns.multi_step_tool and message.role == 'user' and message.content is string and not "
        "(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}"
        "{%- set ns.multi_step_tool = false %}{%- set ns.last_query_index = index %}{%- endif %}{%- endfor %}"
        "{%- for message in messages %}{%- if message.content is string %}{%- set content = message.content %}{%- else %}"
        "{%- set content = '' %}{%- endif %}{%- if '</think>' in content %}"
        "{%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}{%- endif %}"
        "{%- if loop.last or (not loop.last and reasoning_content) %}{{ content }}{%- endif %}{%- endfor %}"
    ),
    "tools": (
        "{%- if tools %}{{- '# Tools\\n\\nYou may call one or more functions.\\n<tools>' }}{%- for tool in tools %}"
        "{{- tool | tojson }}{%- endfor %}{{- '</tools>' }}{%- endif %}{%- for m in messages %}{%- for tool_call in m.tool_calls %}"
        "{%- if tool_call.function is defined %}{%- set tool_call = tool_call.function %}{%- endif %}"
        "{{- tool_call.name }}{{ tool_call.arguments | tojson(indent=4) }}{%- endfor %}{%- endfor %}"
    ),
    "pictures": (
        "{% for message in messages %}{% if message['content'] is string %}{{ message['content'] }}{% else %}"
        "{% for content in message['content'] %}{% if content['type'] == 'image' or 'image' in content %}<|image_pad|>"
        "{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}{% endif %}{% endfor %}"
    ),
    "generation": "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}",
    "macro": (
        "{%- macro render(param) -%}{{ param.type }}{%- endmacro -%}{% for t in tools %}"
        "{%- for name, param in t.parameters.properties.items() %}{{ name }}: {{ render(param) }}{% endfor %}{% endfor %}"
    ),
    "break": "{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}{{ m.content | trim }}{% break %}{% endfor %}",
    "system prompt": "{% if not system %}You are a helpful assistant.{% endif %}{{ messages[-1].content }}",
    "no thinking": "{% if '/no_think' in messages[-1].content %}<think></think>{% endif %}{{ messages[-1].content }}",
    "private names": "{% set _ns = namespace(a='') %}{% for m in messages %}{% set _ns.a = m.content %}{{ _ns.a }}{% endfor %}",
    "fallback prompt": (
        "{% if messages[0].role == 'system' %}{% set prompt = messages[0].content %}{% elif default_prompt %}"
        "{% set prompt = 'You are a brilliant assistant.' %}{% else %}{% set prompt = false %}{% endif %}"
        "{% if prompt != false %}{{ prompt }}{% endif %}"
    ),
    "namespaces of tools": "{% for t in tools %}{% set n = t.name.split('.')[0] %}{{ notes[n] }}{% endfor %}",
    "tags with line ends": "{% for m in messages %}{% if '<think>\\n' in m.content %}{{ m.content }}{% endif %}{% endfor %}",
    "tools in words": "{{ 'Answer like normal and do not tell the user about function calls' }}",
    "full width": "<｜begin▁of▁sentence｜>{% for m in messages %}{{ '<｜User｜>' + m['content'] }}{% endfor %}",  # noqa: RUF001
}


def _trained(model: object, trainer: object, *, decoder: object | None = None) -> bytes:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel() if decoder else pre_tokenizers.Whitespace()
    if decoder:
        tokenizer.decoder = decoder
    tokenizer.train_from_iterator(["the model weighs what it weighs", "größe naïve 日本 👩‍👩‍👧"] * 4, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 0)])
    return tokenizer.to_str(pretty=True).encode()


_SPECIAL = ["[CLS]", "[UNK]", "[PAD]"]
TOKENIZERS: list[Benign] = [
    ("wordpiece", "tokenizer.json", _trained(models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer(vocab_size=80, special_tokens=_SPECIAL, show_progress=False))),
    ("bpe", "tokenizer.json", _trained(models.BPE(), trainers.BpeTrainer(vocab_size=400, special_tokens=_SPECIAL, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()), decoder=decoders.ByteLevel())),
    ("unigram", "tokenizer.json", _trained(models.Unigram(), trainers.UnigramTrainer(vocab_size=60, special_tokens=_SPECIAL, unk_token="[UNK]", show_progress=False))),
    ("wordlevel", "tokenizer.json", _trained(models.WordLevel(unk_token="[UNK]"), trainers.WordLevelTrainer(special_tokens=_SPECIAL, show_progress=False))),
    ("vocabulary with every sign", "vocab.txt", "\n".join(["[PAD]", "\u200b", "\u202e", "the", "##s"]).encode()),
    ("merges", "merges.txt", "#version: 0.2\nĠ t\nh e\n".encode()),
    ("many tokens named like keys", "vocab.json", json.dumps({**{f"t{n}": n for n in range(300)}, "auto_map": 301, "__class__": 302}).encode()),
]  # fmt: skip

_KINDS = (
    "float16",
    "float32",
    "float64",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "bool",
)
SAFETENSORS: list[Benign] = [
    *((f"safetensors of {kind}", "model.safetensors", save({"a": numpy.zeros((3, 5), kind), "b": numpy.zeros(7, kind)})) for kind in _KINDS),
    ("safetensors with metadata", "model.safetensors", save({"a": numpy.zeros(2, "float32")}, metadata={"format": "pt", "note": "größe\n日本"})),
    ("safetensors of a scalar", "model.safetensors", save({"a": numpy.zeros((), "float32")})),
    ("safetensors with an empty tensor", "model.safetensors", save({"a": numpy.zeros((0, 4), "float32"), "b": numpy.zeros(2, "float32")})),
    ("safetensors without tensors", "model.safetensors", save({})),
    ("safetensors with padding", "model.safetensors", safetensors({"a": tensor(0, 8)}, b"\0" * 8, pad=b" " * 7)),
    ("safetensors in brain floats", "model-00001-of-00002.safetensors", safetensors({"a": tensor(0, 8, dtype="BF16", shape=[4])}, b"\0" * 8)),
    ("safetensors in four bits", "model.safetensors", safetensors({"a": tensor(0, 8, dtype="F4", shape=[16])}, b"\0" * 8)),
]  # fmt: skip

GGUF: list[Benign] = [
    ("gguf without anything", "model.gguf", gguf()),
    ("gguf version 2", "model.gguf", gguf([string_pair("general.architecture", "llama")], version=2)),
    ("gguf with a template", "model.gguf", gguf([string_pair("tokenizer.chat_template", CHATML), string_pair("tokenizer.chat_template.tool_use", TEMPLATES["tools"]), pair("tokenizer.chat_templates", 9, struct.pack("<IQ", 8, 1) + text("tool_use"))])),
    ("gguf with lists", "model.gguf", gguf([pair("tokenizer.ggml.scores", 9, struct.pack("<IQ2f", 6, 2, 1.0, 2.0)), pair("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 2) + text("<s>") + text(b"\xc4"))])),
    ("gguf with tensors", "model.gguf", gguf([string_pair("general.architecture", "bert")], [gguf_tensor("a", [8], 0), gguf_tensor("b", [32, 2], 32, kind=2)], b"\0" * 96)),
    ("gguf without padding at its end", "model.gguf", gguf([], [gguf_tensor("a", [3], 0)], b"\0" * 12)),
    ("gguf of another alignment", "model.gguf", gguf([pair("general.alignment", 4, struct.pack("<I", 64))], [gguf_tensor("a", [3], 0), gguf_tensor("b", [3], 64)], b"\0" * 128, alignment=64)),
    ("gguf of every scalar", "model.gguf", gguf([pair(f"a.{kind}", kind, b"\1" * size) for kind, size in ((0, 1), (1, 1), (2, 2), (3, 2), (4, 4), (5, 4), (6, 4), (7, 1), (10, 8), (11, 8), (12, 8))])),
]  # fmt: skip

ONNX: list[Benign] = [
    ("onnx", "model.onnx", onnx()),
    ("onnx with weights", "model.onnx", onnx(weights() + node("MatMul"))),
    ("onnx of machine learning", "model.onnx", onnx(node("LinearClassifier", domain="ai.onnx.ml"))),
    ("onnx of onnxruntime", "model.onnx", onnx(node("FusedMatMul", domain="com.microsoft"))),
    ("onnx with a subgraph", "model.onnx", onnx(node("If", extra=part(5, part(1, "then_branch") + part(6, node("Abs")))))),
    ("onnx with functions", "model.onnx", onnx(node("F", domain="local"), extra=function("F", body=function_node("G", "local")) + function("G", body=function_node("Abs")))),
    ("onnx in four bits", "model.onnx", onnx(weights(raw=b"\0" * 2, shape=[3], kind=22))),
    ("onnx with metadata", "model.onnx", onnx(extra=part(14, part(1, "author") + part(2, "José\n")))),
]  # fmt: skip

CONFIGS: list[Benign] = [
    (f"config: {name}", file, json.dumps(value, ensure_ascii=False).encode())
    for name, file, value in [
        ("bert", "config.json", {"architectures": ["BertModel"], "model_type": "bert", "layer_norm_eps": 1e-12, "trust_remote_code": False, "auto_map": None}),
        ("sentence transformer", "modules.json", [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]),
        ("dense", "config.json", {"activation_function": "torch.nn.modules.activation.Tanh"}),
        ("lora", "adapter_config.json", {"peft_type": "LORA", "auto_mapping": {"base_model_class": "BertModel", "parent_library": "transformers.models.bert.modeling_bert"}, "megatron_core": "megatron.core", "target_modules": ["q", "v"]}),
        ("index", "model.safetensors.index.json", {"metadata": {"total_size": 5}, "weight_map": {"a.b": "model-00001-of-00002.safetensors"}}),
        ("tokenizer", "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "special_tokens_map_file": "/root/.cache/x/special_tokens_map.json", "chat_template": CHATML}),
        ("templates", "tokenizer_config.json", {"chat_template": [{"name": "default", "template": CHATML}, {"name": "tool_use", "template": TEMPLATES["tools"]}]}),
        ("diffusers", "model_index.json", {"_class_name": "StableDiffusionPipeline", "vae": ["diffusers", "AutoencoderKL"]}),
        ("generation", "generation_config.json", {"eos_token_id": [1, 2], "temperature": 0.6}),
        ("attention", "config.json", {"attn_implementation": "flash_attention_2", "_attn_implementation": "sdpa"}),
    ]
]  # fmt: skip
CONFIGS += [
    ("yaml", "params.yaml", yaml.safe_dump({"lr": 1e-4, "layers": [1, 2], "name": "größe", "on": True}).encode()),
    ("yaml with aliases", "a.yml", b"a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n  y: 2\n"),
    ("json lines", "data.jsonl", b'{"a": 1}\n{"a": 2}\n'),
]

OTHERS: list[Benign] = [
    ("card", "README.md", "---\nlicense: apache-2.0\ntags:\n- x\n---\n# Größe\n<!-- a remark -->\n<img src=\"a.png\" width=10>\n```html\n<script></script>\n```\n👩‍👩‍👧 می‌خواهم".encode()),
    ("licence", "LICENSE", b"Apache License\r\n\tVersion 2.0\f\n"),
    ("attributes", ".gitattributes", b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"),
    ("empty text", "notes.txt", b""),
    ("table", "metrics.csv", b"a,b\n1,2\n"),
    ("png", "a.png", png()),
    ("png with text", "a.png", png(extra=png_chunk(b"tEXt", b"Software\0x") + png_chunk(b"pHYs", b"\0" * 9))),
    ("gif", "a.gif", gif()),
    ("gif that moves", "a.gif", gif(frames=3)),
    ("jpeg", "a.jpg", jpeg()),
    ("webp, lossy", "a.webp", WEBP_LOSSY),
    ("webp, lossless", "a.webp", WEBP_LOSSLESS),
    ("webp with alpha", "a.webp", WEBP_ALPHA),
    ("sentencepiece", "tokenizer.model", sentencepiece()),
    ("sentencepiece, spelled signs", "spiece.model", sentencepiece(pieces=piece("<unk>") + piece("{{") + piece("\u202e") + piece("\x07"))),
    ("sentencepiece with a self-test", "a.model", sentencepiece(extra=part(4, part(1, part(1, "in") + part(2, "out"))))),
    ("tiktoken", "tokenizer.model", b"IQ== 0\nIg== 1\n"),
    ("toml", "params.toml", b"[train]\nlr = 1e-4\nat = 2026-01-01\nnames = ['a', 'gr\xc3\xb6\xc3\x9fe']\n"),
    ("jpeg with exif", "a.jpeg", jpeg(extra=b"\xff\xe1\x00\x08Exif\0\0")),
    ("svg", "a.svg", svg('<defs><linearGradient id="a"/></defs><rect style="fill:url(#a)" width="1"/><use href="#a"/>', before='<?xml version="1.0"?>\n')),
]  # fmt: skip

BENIGN: list[Benign] = [
    *SAFETENSORS,
    *GGUF,
    *ONNX,
    *TOKENIZERS,
    *CONFIGS,
    *((f"template: {name}", "chat_template.jinja", source.encode()) for name, source in TEMPLATES.items()),
    *OTHERS,
]
