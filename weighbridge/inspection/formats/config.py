"""Look through a parsed config, anywhere in its tree, for what makes a library import, fetch or run something."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from weighbridge.inspection.characters import unclean
from weighbridge.inspection.findings import Finding, shown
from weighbridge.inspection.formats.template import inspect_template, looks_like_template
from weighbridge.inspection.formats.tree import Tree

# transformers: auto_map, trust_remote_code, custom_generate; diffusers: custom_pipeline(s); huggingface pipelines.
REMOTE_CODE = frozenset(
    {"automap", "custompipelines", "custompipeline", "customgenerate", "trustremotecode", "coderevision", "remotecode",
     "customcode", "custommodules", "customcomponents", "allowcustomcode", "allowpickle", "allowdangerousdeserialization",
     "dangerouslytrustremotecode", "coderepo", "coderepoid", "codepath"}
)  # fmt: skip
# hydra: _target_; jsonpickle: py/...; Jackson and Json.NET: @class, $type; lightning: class_path; MLflow: loader_module.
IMPORT_KEYS = frozenset(
    {"_target_", "_factory_", "_import_", "_class_", "__class__", "__module__", "__reduce__", "__reduce_ex__", "__import__",
     "__builtins__", "__globals__", "__init__", "__type__", "__target__", "__fn__", "__call__", "__lambda__", "__code__",
     "__function__", "__tuple__", "__object__", "__pyobj__", "__pickle__", "__setstate__", "@class", "@type_class", "$type",
     "$class", "$ref_type", "class_path", "classpath", "loader_module", "python_function", "python_module", "python_class",
     "python_callable", "import_path", "import_name", "module_path", "module_name", "entry_point", "entrypoint",
     "callable_path", "function_path", "factory_path", "exec", "eval", "__exec__", "__eval__", "pickled", "pickle_module",
     "setup_script", "init_script", "startup_script", "post_load", "pre_load", "on_load", "shell_command", "subprocess",
     "os.system", "lambda_code", "cloudpickle", "marshal"}
)  # fmt: skip
_KINDLY = re.compile("(sentence_transformers|torch\\.nn|transformers)(\\.[a-z_][a-z0-9_]*)*\\.[A-Z][A-Za-z0-9]*")
_DOTTED = re.compile("[A-Za-z_]\\w*([.:][A-Za-z_]\\w*)+")
_IMPORTED = re.compile(
    "(^|_)(type|class|cls|fn|func|function|module|activation|callable|factory|handler|loader|backend|library|plugin|"
    "hook|callback|core|import|processor|object|target)$"
)
_REPOSITORY_CODE = re.compile("[\\w.-]+/[\\w.-]+--[\\w.]+")
_CODE_FILE = re.compile("(?i)[^\\s]+\\.(py|pyc|pyd|so|dll|dylib|sh|bat|ps1|exe|jar)")
_SCHEME = re.compile("(?i)(?!data:)[a-z][a-z0-9+.-]+://")
_FILE_KEY = re.compile("(^|_)(file|files|filename|path|location|uri|url|dir|folder)$")
_SURROGATE = re.compile("[\\ud800-\\udfff]")
_PIECE = 8
_LOCAL_LIBRARIES = re.compile(
    "(transformers|sentence_transformers|peft|diffusers|torch\\.nn)(\\.[a-z_]\\w*)*|megatron\\.core"
)


def inspect_tree(tree: Tree, *, name: str = "") -> Iterator[Finding]:
    """Yield what is wrong in a config, depth first. `name` is the file's name: an index of weights is held to more."""
    stack: list[tuple[str, str, Tree]] = [("$", "", tree)]
    while stack:
        where, key, value = stack.pop()
        if isinstance(value, dict):
            yield from _object(where, value, name=name)
            if not _is_vocabulary(value):
                stack += [(f"{where}.{child}"[:200], child, value[child]) for child in reversed(value)]
        elif isinstance(value, list):
            stack += [(where, key, child) for child in reversed(value) if isinstance(child, str | list | dict)]
        elif isinstance(value, str):
            yield from _text(where, key, value)


def _object(where: str, value: Mapping[str, Tree], *, name: str) -> Iterator[Finding]:
    if _is_vocabulary(value):
        return
    for key, child in value.items():
        yield from unclean(key, what=f"a key at {shown(where)}")
        folded = key.casefold()
        plain = re.sub("[\\s_.-]", "", folded)
        if plain in REMOTE_CODE and child not in (None, False, {}, [], ""):
            yield Finding("inspect.config.remote-code", f"{shown(f'{where}.{key}')} is set")
        elif folded in IMPORT_KEYS or folded.startswith("py/"):
            yield Finding("inspect.config.import", f"{shown(f'{where}.{key}')} names something to import or to run")
        elif folded == "class_name" and child in ("Lambda", "TFOpLambda", "SlicingOpLambda"):
            yield Finding("inspect.config.import", f"{shown(f'{where}.{key}')} is a layer that holds code")
        elif folded == "parent_library" and isinstance(child, str) and not _LOCAL_LIBRARIES.fullmatch(child):
            yield Finding("inspect.config.import", f"{shown(f'{where}.{key}')} imports {shown(child)}")
    index = value.get("weight_map")
    if isinstance(index, dict) and (name.endswith(".index.json") or where == "$"):
        yield from _weight_map(index)


def _weight_map(index: Mapping[str, Tree]) -> Iterator[Finding]:
    for file in sorted({value if isinstance(value, str) else "" for value in index.values()}):
        if not re.fullmatch("[A-Za-z0-9_][A-Za-z0-9_.-]*\\.(safetensors|gguf)", file):
            yield Finding("inspect.config.path", f"weight_map names {shown(file)}, not a safetensors file beside it")


def _text(where: str, key: str, value: str) -> Iterator[Finding]:
    at, folded = shown(where), key.casefold()
    if _SURROGATE.search(value):
        yield Finding("inspect.text.hidden", f"{at} holds a lone surrogate")
    if looks_like_template(value) or folded.endswith(("chat_template", "template_string")):
        yield from inspect_template(value, what=at)
        return
    if not _is_piece(folded, value):
        yield from unclean(value, what=at)
    if _REPOSITORY_CODE.fullmatch(value):
        yield Finding("inspect.config.remote-code", f"{at} is {shown(value)}, code of another repository")
    elif _CODE_FILE.fullmatch(value):
        yield Finding("inspect.config.remote-code", f"{at} is {shown(value)}, a file of code")
    elif folded in ("attn_implementation", "_attn_implementation", "_experts_implementation") and "/" in value:
        yield Finding("inspect.config.remote-code", f"{at} is {shown(value)}, a kernel of another repository")
    elif _IMPORTED.search(folded) and _DOTTED.fullmatch(value) and not _is_kind(folded, value):
        yield Finding("inspect.config.import", f"{at} is {shown(value)}, a path to import")
    elif _FILE_KEY.search(folded) and (".." in re.split("[/\\\\]", value) or _loads_from_afar(folded, value)):
        yield Finding("inspect.config.path", f"{at} is {shown(value)}")


def _loads_from_afar(key: str, value: str) -> bool:
    return bool(_SCHEME.match(value)) and not key.endswith("url")


def _is_kind(key: str, value: str) -> bool:
    if key == "parent_library":
        return bool(_LOCAL_LIBRARIES.fullmatch(value))
    return bool(_KINDLY.fullmatch(value)) or (key == "megatron_core" and value == "megatron.core")


def _is_piece(key: str, value: str) -> bool:
    # A tokenizer's tables spell out every sign there is, in pieces of a few signs; a text for people is longer.
    return len(value) <= _PIECE or key in ("content", "token", "pattern", "string", "regex", "merges")


def _is_vocabulary(value: Mapping[str, Tree]) -> bool:
    if len(value) < 32:
        return False
    return all(isinstance(child, int) and not isinstance(child, bool) for child in value.values())
