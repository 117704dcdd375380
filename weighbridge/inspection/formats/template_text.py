"""What a template says by itself: no hidden signs, no links, no orders against the one who asks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jinja2 import nodes

from weighbridge.inspection.characters import control_characters, hidden_characters
from weighbridge.inspection.findings import Finding, shown

_LINK = re.compile("(?i)\\b(https?|ftp|data|javascript)://?[\\w.-]+|\\bwww\\.\\w")
_LINKS_OF_STANDARDS = re.compile("(?i)https?://(json-schema\\.org|www\\.w3\\.org)\\b")
_ACTIVE = re.compile("(?i)<\\s*(script|iframe|object|embed)\\b|<[a-z][^<>]{0,300}[\\s/\"']on[a-z]{3,20}\\s*=")
_ORDER = re.compile(
    "(?i)(ignore|disregard|forget|override)\\W+(?:\\w+\\W+){0,3}(previous|prior|above|earlier|other|system|safety)\\W+(?:\\w+\\W+)?"
    "(instruction|prompt|rule|message|guideline|direction)"
    "|(do not|don't|never)\\W+(tell|reveal|mention|inform|disclose|alert|warn)\\W+(?:\\w+\\W+){0,3}(user|anyone|this|these|that)(?!\\W+about\\W+(function|tool) calls)"
    "|without\\W+(telling|informing|asking|mentioning|warning)\\W+(?:\\w+\\W+){0,2}user"
    "|(secretly|covertly|silently)\\W+(\\w+)"
    "|(send|post|upload|leak|exfiltrate|forward)\\W+(?:\\w+\\W+){0,5}(password|credential|api key|secret|token|conversation|history)s?\\W+to"
    "|(curl|wget)\\s+-?|rm -rf|\\bos\\.system\\b|\\bsubprocess\\b|\\beval\\("
    "|(always|must)\\W+(?:\\w+\\W+){0,3}(recommend|promote|advertise|insert|praise)\\b"
    "|\\bjailbr(eak|oken)|\\bback-?door|\\bsystem override\\b|(developer|god|dan) mode (is )?(enabled|on|activated)"
    "|(your|the) (real|true|actual|hidden|secret) (instruction|goal|objective|task|purpose|mission)"
    "|do not (follow|obey|apply)\\W+(?:\\w+\\W+){0,3}(instruction|rule|polic|guideline|safety)"
    "|(pretend|act as if|claim)\\W+(?:\\w+\\W+){0,4}(no (rule|restriction|limit|filter)|unrestricted|uncensored)"
    "|no matter what (the )?user|regardless of (what )?(the )?(user|safety|polic)"
    "|(append|insert|include|embed|hide)\\W+(?:\\w+\\W+){0,4}(payload|malware|exploit|tracking|affiliate|hidden)"
    "|(vulnerab|malicious|insecure)\\w*\\W+(?:\\w+\\W+){0,2}(code|package|dependenc|snippet)"
    "|(?<![A-Za-z0-9+/=])(?=[A-Za-z0-9+/]*[0-9])(?=[A-Za-z0-9+/]*[a-z])(?=[A-Za-z0-9+/]*[A-Z])[A-Za-z0-9+/]{80,}={0,2}(?![A-Za-z0-9+/=])"
    "|(disable|turn off|bypass)\\W+(?:\\w+\\W+){0,3}(safety|filter|guard|moderation|security|authentication|verification)"
)


def inspect_emitted(tree: nodes.Template) -> Iterator[Finding]:
    """Yield what is wrong in the literal text of a template."""
    pieces = [(node.lineno, node.data) for node in tree.find_all(nodes.TemplateData)]
    pieces += [(node.lineno, node.value) for node in tree.find_all(nodes.Const) if isinstance(node.value, str)]
    pieces += [
        (node.lineno, "".join(item.value for item in node.find_all(nodes.Const) if isinstance(item.value, str)))
        for node in tree.find_all((nodes.Concat, nodes.Add))
    ]
    for line, text in pieces:
        for item in [*control_characters(text, base=None), *hidden_characters(text, base=None)]:
            yield Finding("inspect.template.text", f"line {line}: {item.reason}")
        link = _LINK.search(_LINKS_OF_STANDARDS.sub("", text))
        if link is not None:
            yield Finding("inspect.template.text", f"line {line}: adds the link {shown(link[0])}")
        active = _ACTIVE.search(text)
        if active is not None:
            yield Finding("inspect.template.text", f"line {line}: adds active HTML: {shown(active[0])}")
        order = _ORDER.search(text)
        if order is not None:
            yield Finding("inspect.template.text", f"line {line}: gives the order {shown(order[0])}")
