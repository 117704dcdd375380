"""Every rule of the gate: what it is about, and what to do when a file breaks it. Ids are stable."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """`title` completes "this file ..."; `remedy` is one sentence."""

    title: str
    remedy: str


_SAVE_SAFETENSORS = "Save the weights as safetensors or GGUF; nothing in those runs code."
_PLAIN_JSON = "Write it anew with a JSON writer, in UTF-8, each key once."
_NO_REMOTE_CODE = "Use a model class of the library itself and remove the key: a model brings no code of its own."
_TEMPLATE = "Take the template of the original model, or keep to the constructs that docs/inspection.md lists."
_WRITE_ANEW = "Write the file anew with the format's own library."
_ONE_IMAGE = "Export the picture anew as PNG or JPEG, or leave it out."

RULES: dict[str, Rule] = {
    "inspect.name.path": Rule(
        "has a path that a release may not hold",
        'Rename it: relative, NFC, nothing invisible, none of \\ : | ? * " < > ;',
    ),
    "inspect.name.not-plain": Rule("is a link, device, pipe or socket", "Put the file itself in its place."),
    "inspect.name.collision": Rule("meets another file when case is folded", "Rename one of the two."),
    "inspect.name.look-alike": Rule("has a name that looks like another", "Rename it with letters of one script."),
    "inspect.name.suffix": Rule("has a name that promises another format", "Give it the suffix of what it holds."),
    "inspect.name.limits": Rule("lies too deep, or there are too many files", "Flatten or thin out the folder."),
    "inspect.file.unreadable": Rule("could not be read", "Make it readable for the inspector and inspect again."),
    "inspect.file.changed": Rule("changed while it was read", "Inspect a private copy that nobody writes to."),
    "inspect.file.truncated": Rule("ends too early", "Upload the file again: it is cut off, or its lengths lie."),
    "inspect.file.too-large": Rule("is larger than its format may be here", "Split it, or leave it out of the model."),
    "inspect.format.unknown": Rule("is of no format that the gate knows", "Leave it out, or use a format on the list."),
    "inspect.format.unsupported": Rule("is of a format that is not on the list", _SAVE_SAFETENSORS),
    "inspect.format.archive": Rule("is an archive or compressed", "Unpack it and bring the files themselves."),
    "inspect.format.pickle": Rule("is pickled: loading it runs code", _SAVE_SAFETENSORS),
    "inspect.format.executable": Rule("is a program", "Leave it out: a model brings no code of its own."),
    "inspect.format.code": Rule("holds source code", "Leave it out: a model brings no code of its own."),
    "inspect.format.crash": Rule("brought its validator down", "Report it with the file; it stays blocked."),
    "inspect.safetensors.header": Rule("has a header that is not strict", _WRITE_ANEW),
    "inspect.safetensors.tensors": Rule("has tensors that do not tile its data", _WRITE_ANEW),
    "inspect.safetensors.trailing": Rule("holds bytes that no tensor names", _WRITE_ANEW),
    "inspect.gguf.header": Rule("has a header that is not strict", _WRITE_ANEW),
    "inspect.gguf.metadata": Rule("has metadata that is not strict", _WRITE_ANEW),
    "inspect.gguf.tensors": Rule("has tensors that do not tile its data", _WRITE_ANEW),
    "inspect.gguf.trailing": Rule("holds bytes that no tensor names", _WRITE_ANEW),
    "inspect.onnx.structure": Rule("is not a strict ONNX model", _WRITE_ANEW),
    "inspect.onnx.external-data": Rule(
        "reads weights from where it must not", "Save them in the model, or in one file beside it under a plain name."
    ),
    "inspect.onnx.operator": Rule("uses operators of an unknown domain", "Export with standard operators."),
    "inspect.onnx.function": Rule("redefines an operator", "Inline the functions when exporting."),
    "inspect.onnx.training": Rule("holds training steps", "Export for inference."),
    "inspect.sentencepiece.structure": Rule("is not a strict SentencePiece model", _WRITE_ANEW),
    "inspect.tiktoken.line": Rule("is not a strict list of tiktoken's ranks", _WRITE_ANEW),
    "inspect.json.syntax": Rule("is not strict JSON", _PLAIN_JSON),
    "inspect.json.duplicate-key": Rule("names a key twice: two readers see two files", _PLAIN_JSON),
    "inspect.json.limits": Rule("is nested too deep or holds too much", "Split it; see docs/inspection.md."),
    "inspect.config.remote-code": Rule("points to code that the model brings", _NO_REMOTE_CODE),
    "inspect.config.import": Rule("names something to import or to run", _NO_REMOTE_CODE),
    "inspect.config.path": Rule("points out of its folder", "Name a file beside it."),
    "inspect.toml.syntax": Rule("is not strict TOML", "Write it anew with a TOML writer, in UTF-8, each key once."),
    "inspect.yaml.syntax": Rule("is not plain YAML", "Write it anew as one plain document in UTF-8."),
    "inspect.yaml.tag": Rule(
        "has a tag that makes an object", "Remove the tag: values are text, numbers, lists, maps."
    ),
    "inspect.yaml.duplicate-key": Rule("names a key twice: two readers see two files", "Name each key once."),
    "inspect.yaml.limits": Rule("is nested too deep, or grows with its aliases", "Write the values out."),
    "inspect.template.syntax": Rule("has a chat template that does not parse", _TEMPLATE),
    "inspect.template.construct": Rule("has a chat template with a construct that is not on the list", _TEMPLATE),
    "inspect.template.name": Rule(
        "has a chat template that reaches a name, attribute or filter not on the list", _TEMPLATE
    ),
    "inspect.template.conditional": Rule(
        "has a chat template that changes with the time or with what is said", _TEMPLATE
    ),
    "inspect.template.text": Rule("has a chat template that adds hidden text, links or orders", _TEMPLATE),
    "inspect.text.encoding": Rule("is not UTF-8 text", "Save it as UTF-8."),
    "inspect.text.control": Rule("holds control characters", "Remove them."),
    "inspect.text.hidden": Rule("holds characters that hide or reorder text", "Remove them."),
    "inspect.text.active": Rule("holds active HTML", "Remove scripts, frames and handlers."),
    "inspect.image.structure": Rule("is not a strict image", _ONE_IMAGE),
    "inspect.image.limits": Rule("is an image out of bounds", _ONE_IMAGE),
    "inspect.image.trailing": Rule("holds bytes behind the image's end", _ONE_IMAGE),
    "inspect.image.active": Rule("is an image with scripts or outside references", _ONE_IMAGE),
    "inspect.exception.used": Rule("is let through by an exception", "Replace the file before the exception expires."),
    "inspect.exception.expired": Rule("has an exception that has expired", "Replace the file, or ask for a new one."),
    "inspect.scanner.finding": Rule("was found unsafe by a scanner", "Look at the scanner's words; replace the file."),
    "inspect.scanner.room": Rule(
        "does not fit the inspector's memory, storage or time",
        "Save it in smaller shards, or run `weighbridge inspect --release NAME:VERSION --sign` on a machine.",
    ),
    "inspect.scanner.incomplete": Rule("was not wholly scanned", "Mend the scanner and inspect again."),
}
