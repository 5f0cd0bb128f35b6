"""Reading YAML that someone else wrote: safe types only, no duplicate keys, no aliases, small. And writing it."""

from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import Any

import yaml

MAX_BYTES = 256 * 1024
_MAX_DEPTH = 50
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C, ten times as fast, where it was built


class YamlFault(ValueError):
    """A file that is not usable YAML; `faults` are pairs of key path and message.

    `content` is what can be read in spite of them, so that its own faults can be told too.
    """

    def __init__(self, *faults: tuple[str, str], content: object = None) -> None:
        super().__init__("; ".join(f"{key}: {message}" if key else message for key, message in faults))
        self.faults = faults
        self.content = content


def read_yaml(file: Traversable) -> Any:
    """The content of a YAML file; YamlFault in plain words if it has none."""
    return parse_yaml(_read(file))


def parse_yaml(text: str) -> Any:
    """The content of YAML text that somebody pasted or sent; YamlFault in plain words if it has none."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise YamlFault(("", f"is larger than {MAX_BYTES // 1024} KiB"))
    if not text.strip():
        raise YamlFault(("", "is empty"))
    try:
        _refuse_traps(text)
        node = yaml.compose(text, Loader=_PARSER)
        if node is None:
            raise YamlFault(("", "is empty"))
        content = yaml.SafeLoader("").construct_document(node)
        duplicates = tuple(_duplicates(node, ""))
        if duplicates:
            raise YamlFault(*duplicates, content=content)
    except YamlFault:
        raise
    except yaml.YAMLError as error:
        raise YamlFault(("", _told(error))) from None
    except (ValueError, OverflowError):
        raise YamlFault(("", "holds a date or number that does not exist")) from None
    return content


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, and lists set in under their key, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    block = "\n" in text and not any(line != line.rstrip() for line in text.split("\n"))
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if block else None)


_Dumper.add_representer(str, _write_text)


def write_yaml(content: Any) -> str:
    """JSON's own types as YAML text that `parse_yaml` reads back, keys in the order they have."""
    return yaml.dump(content, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=118)


def _read(file: Traversable) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise YamlFault(("", f"cannot be read ({(error.strerror or 'no such file').lower()})")) from None
    if len(content) > MAX_BYTES:
        raise YamlFault(("", f"is larger than {MAX_BYTES // 1024} KiB"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise YamlFault(("", "is not UTF-8 text")) from None
    return text


def _refuse_traps(text: str) -> None:
    """A few aliases can unfold to gigabytes, and deep nesting takes the parser written in C down."""
    depth = 0
    for event in yaml.parse(text, Loader=_PARSER):
        line = f" (line {event.start_mark.line + 1})" if event.start_mark else ""
        if isinstance(event, yaml.AliasEvent):
            raise YamlFault((f"*{event.anchor}", f"aliases are not allowed{line}"))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise YamlFault(("", f"is nested too deeply{line}"))


def _duplicates(node: yaml.Node, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, yaml.SequenceNode):
        for place, child in enumerate(node.value):
            yield from _duplicates(child, f"{path}[{place}]")
    elif isinstance(node, yaml.MappingNode):
        first_line: dict[str, int] = {}
        for key, child in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            here = f"{path}.{name}".removeprefix(".")
            line = key.start_mark.line + 1
            if name in first_line:
                yield here, f"appears twice (lines {first_line[name]} and {line})"
            first_line.setdefault(name, line)
            yield from _duplicates(child, here)


def _told(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    return f"is not YAML: {problem}" + (f" (line {mark.line + 1})" if mark else "")
