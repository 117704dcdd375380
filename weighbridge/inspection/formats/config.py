"""Look through a parsed config, anywhere in its tree, for what makes a library import, fetch or run something."""

from __future__ import annotations

import re
import unicodedata
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
     "os.system", "build-backend", "backend-path", "lambda_code", "cloudpickle", "marshal"}
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
# Characters of templates in one file: each costs about a microsecond to parse and to follow.
TEMPLATES_LIMIT = 512 * 1024
WORK_LIMIT = 500_000
_LONG = 4096
_LEAST = 64
_TABLES = frozenset({"merges", "vocab", "pieces"})
_BETWEEN = re.compile("[\\s_.-]")
_SURROGATE = re.compile("[\\ud800-\\udfff]")
_PIECE = 8
# Nothing that is looked for in a text can be spelled with these signs alone, unless the text is a template.
_PLAIN = re.compile("[A-Za-z0-9_ ,;!?()=+*#'\u0120\u010a\u2581]*")
_LOCAL_LIBRARIES = re.compile(
    "(transformers|sentence_transformers|peft|diffusers|torch\\.nn)(\\.[a-z_]\\w*)*|megatron\\.core"
)
# Libraries, and those modules of diffusers' own pipelines that its indexes name by their last part.
_PIPELINE_LIBRARIES = re.compile(
    "(transformers|diffusers)(\\.[a-z_]\\w*)*|stable_diffusion(_safe|_xl|_3)?|semantic_stable_diffusion|latent_diffusion|"
    "paint_by_example|deepfloyd_if|kandinsky\\d*|shap_e|wuerstchen|audioldm2?|unclip|unidiffuser|versatile_diffusion|flux"
)
_CALLED = re.compile("__import__\\s*\\(|\\b(os\\.system|subprocess\\.[a-zA-Z_]+|builtins\\.[a-z_]+)\\s*\\(")


def inspect_tree(tree: Tree, *, name: str = "") -> Iterator[Finding]:
    """Yield what is wrong in a config, depth first. `name` is the file's name: an index of weights is held to more."""
    stack: list[tuple[str, str, Tree]] = [("$", "", tree)]
    templates, work = TEMPLATES_LIMIT, WORK_LIMIT
    while stack:
        where, key, value = stack.pop()
        work -= 1 if not isinstance(value, dict) else 1 + len(value) // 4
        if work < 0:
            yield Finding(
                "inspect.json.limits", f"more than {WORK_LIMIT} texts and objects that are no tokenizer's table"
            )
            return
        if isinstance(value, dict):
            if _is_vocabulary(value):
                continue
            yield from _object(where, value, name=name)
            stack += [
                (f"{where}.{child}"[:200], child, value[child])
                for child in reversed(value)
                if _matters(child, value[child])
            ]
        elif isinstance(value, list):
            stack += [(where, key, child) for child in reversed(value) if _matters(key, child)]
        elif isinstance(value, str):
            templates -= max(len(value), _LEAST) if _is_template(key, value) else 0
            if templates < 0:
                yield Finding("inspect.json.limits", f"templates of more than {TEMPLATES_LIMIT} characters in all")
                return
            yield from _text(where, key, value)


def _matters(key: str, value: Tree) -> bool:
    # Tables of a tokenizer hold millions of texts and numbers in which nothing can be; this passes over them quickly.
    if isinstance(value, str):
        return key not in _TABLES and (_PLAIN.fullmatch(value) is None or _is_template_key(key))
    if isinstance(value, list) and key in _TABLES and not any(isinstance(child, list | dict) for child in value):
        return False
    return isinstance(value, list | dict) and bool(value)


def _is_template_key(key: str) -> bool:
    return key.casefold().endswith(("chat_template", "template_string"))


def _is_template(key: str, value: str) -> bool:
    # Tables of a tokenizer spell every piece of text, braces included, and nothing renders a piece.
    return _is_template_key(key) or (key not in _TABLES and looks_like_template(value))


def _object(where: str, value: Mapping[str, Tree], *, name: str) -> Iterator[Finding]:
    for key, child in value.items():
        if _PLAIN.fullmatch(key) is None:
            yield from unclean(key, what=f"a key at {shown(where)}")
        if len(key) > _LONG:
            continue
        folded = (key if key.isascii() else unicodedata.normalize("NFKC", key)).casefold()
        plain = folded if folded.isalnum() else _BETWEEN.sub("", folded)
        if plain in REMOTE_CODE and child not in (None, False, {}, [], ""):
            yield Finding("inspect.config.remote-code", f"{shown(f'{where}.{key}')} is set")
        elif folded in IMPORT_KEYS or folded.startswith("py/"):
            yield Finding("inspect.config.import", f"{shown(f'{where}.{key}')} names something to import or to run")
        elif folded == "class_name" and child in ("Lambda", "TFOpLambda", "SlicingOpLambda"):
            yield Finding("inspect.config.import", f"{shown(f'{where}.{key}')} is a layer that holds code")
        elif folded == "parent_library" and isinstance(child, str) and not _LOCAL_LIBRARIES.fullmatch(child):
            yield Finding("inspect.config.import", f"{shown(f'{where}.{key}')} imports {shown(child)}")
    if where == "$" and name == "model_index.json":
        yield from _pipeline(value)
    index = value.get("weight_map")
    if isinstance(index, dict) and (name.endswith(".index.json") or where == "$"):
        yield from _weight_map(index)


def _pipeline(value: Mapping[str, Tree]) -> Iterator[Finding]:
    # diffusers imports the first of each pair by its name, and takes a list as `_class_name` for code in the repository.
    for key, child in value.items():
        if key == "_class_name" and not isinstance(child, str):
            yield Finding("inspect.config.remote-code", f"{shown(key)} is a list: a pipeline that the model brings")
        elif isinstance(child, list) and not key.startswith("_"):
            library = child[0] if child else None
            if library is not None and not (isinstance(library, str) and _PIPELINE_LIBRARIES.fullmatch(library)):
                yield Finding("inspect.config.import", f"{shown(key)} imports {shown(str(library))}")


def _weight_map(index: Mapping[str, Tree]) -> Iterator[Finding]:
    for file in sorted({value if isinstance(value, str) else "" for value in index.values()}):
        if not re.fullmatch("[A-Za-z0-9_][A-Za-z0-9_.-]*\\.(safetensors|gguf)", file):
            yield Finding("inspect.config.path", f"weight_map names {shown(file)}, not a safetensors file beside it")


def _text(where: str, key: str, value: str) -> Iterator[Finding]:
    at, folded = shown(where), key.casefold()
    if _SURROGATE.search(value):
        yield Finding("inspect.text.hidden", f"{at} holds a lone surrogate")
    if _is_template(key, value):
        yield from inspect_template(value, what=at)
        return
    if not _is_piece(folded, value):
        yield from unclean(value, what=at)
    if len(value) > _LONG:
        # No path, no name of a module and no repository is as long.
        return
    if value.startswith("-") and _BETWEEN.sub("", value.partition("=")[0]).casefold() == "trustremotecode":
        yield Finding("inspect.config.remote-code", f"{at} is {shown(value)}")
    elif _CALLED.search(value):
        yield Finding("inspect.config.import", f"{at} is {shown(value)}, a call")
    elif _REPOSITORY_CODE.fullmatch(value):
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
