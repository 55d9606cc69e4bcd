"""What is wrong with a task template, or differs between Ground Truth and this machine.

Rules: ``size``, ``liquid`` (syntax, variables, filters, tags), ``escape`` (outputs that can become
markup or script), and those of :mod:`annotate.tasks.lint_elements`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from liquid.exceptions import LiquidError

from annotate.errors import InputError, MissingError, closest
from annotate.tasks.findings import TemplateFinding
from annotate.tasks.lint_elements import lint_elements
from annotate.tasks.liquid import known_filters, parse_liquid
from annotate.tasks.page import LARGEST_TEMPLATE
from annotate.tasks.source import Source, take_apart

OWN_KEYS = ("source-ref", "image-id", "questions")
LARGEST_FILE = 10 * LARGEST_TEMPLATE
_ALMOST = 0.9
_NEWER_TAGS = ("liquid", "echo", "ifchanged", "doc", "content")
_TOKENS = re.compile(r"{{.*?}}|{%.*?%}", re.DOTALL)


def lint_template(
    text: str, *, keys: Collection[str] = OWN_KEYS, own_templates: Path
) -> list[TemplateFinding]:
    """Everything that is wrong with a template, by line.

    Args:
        text: any Ground Truth custom template.
        keys: of the manifest lines that it is shown with.
        own_templates: a folder whose files win over the packaged ones: the local page's elements.
    """
    found = list(_size(text))
    if len(text) <= LARGEST_FILE:
        source = take_apart(text)
        found += [*_liquid(source, keys), *_escaping(source)]
        found += lint_elements(source, own_templates)
    return sorted(found, key=lambda finding: (finding.line, not finding.error, finding.rule))


def read_template(path: Path) -> str:
    """The text of a template's file.

    Raises:
        MissingError: no such file.
        InputError: it cannot be read, or is not UTF-8.
    """
    if not path.is_file():
        raise MissingError(f"no template at {path}. Build one with `mumic-annotate tasks`.")
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: {error}; save it as UTF-8.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def _size(text: str) -> Iterator[TemplateFinding]:
    remedy = "shorten descriptions, show fewer examples or ask fewer classes"
    if len(text) >= LARGEST_TEMPLATE:
        what = f"{len(text):,} characters; Ground Truth takes fewer than {LARGEST_TEMPLATE:,}"
        yield TemplateFinding(1, "size", what, remedy)
    elif len(text) >= _ALMOST * LARGEST_TEMPLATE:
        what = f"{len(text):,} of fewer than {LARGEST_TEMPLATE:,} characters"
        yield TemplateFinding(1, "size", what, remedy, error=False)


def _liquid(source: Source, keys: Collection[str]) -> Iterator[TemplateFinding]:
    try:
        found = parse_liquid(source.text).analyze(include_partials=False)
    except (LiquidError, RecursionError) as error:
        what = (str(error).splitlines() or ["it is nested too deeply"])[0]
        yield TemplateFinding(
            _line_of(error, source), "liquid", f"not valid Liquid: {what}", "correct it"
        )
        return
    for uses in found.globals.values():
        for variable in uses:
            yield from _variable(source.line(variable.span.index), variable.segments, keys)
    known = known_filters()
    for name, spans in found.filters.items():
        for span in spans if name not in known else ():
            yield _filter(source.line(span.index), name, known)
    yield from _tags(source)


def _line_of(error: LiquidError | RecursionError, source: Source) -> int:
    """The line of a syntax error; the engine does not always say it."""
    context = error.context() if isinstance(error, LiquidError) else None
    if context:
        return int(context[0])
    said = str(error).splitlines()
    for token in _TOKENS.finditer(source.text):
        try:
            parse_liquid(token.group())
        except LiquidError as alone:
            if str(alone).splitlines() == said:
                return source.line(token.start())
    return 1


def _variable(line: int, segments: list[Any], keys: Collection[str]) -> Iterator[TemplateFinding]:
    name = ".".join(map(str, segments))
    if [*map(str, segments[:2])] != ["task", "input"][: len(segments)]:
        what = f"{name!r} is not defined"
        yield TemplateFinding(line, "liquid", what, "a manifest line's keys are in task.input")
    elif len(segments) > 2 and str(segments[2]) not in keys:
        key = str(segments[2])
        what = f"{name!r} is not defined: a manifest line has {', '.join(keys)}"
        remedy = f"use one of them{closest(key, keys)}, or give --manifest"
        yield TemplateFinding(line, "liquid", what, remedy)


def _filter(line: int, name: str, known: set[str]) -> TemplateFinding:
    if name == "safe":
        remedy = "drop it: Ground Truth has no such filter, and here it lets any text become markup"
        return TemplateFinding(line, "liquid", "the filter 'safe'", remedy)
    what = f"the filter {name!r}, which Ground Truth does not have{closest(name, known)}"
    return TemplateFinding(line, "liquid", what, "remove it or write another")


def _tags(source: Source) -> Iterator[TemplateFinding]:
    for name, offset in source.tags:
        line = source.line(offset)
        if name in ("include", "render"):
            what = f"the tag {name!r} needs a second file, and a template is a single one"
            yield TemplateFinding(line, "liquid", what, "write its text here")
        if name in _NEWER_TAGS:
            what = f"the tag {name!r} is not in every Liquid; Ground Truth may not have it"
            yield TemplateFinding(line, "differs", what, "write it with older tags", error=False)
        if name == "capture":
            what = "what 'capture' holds is escaped twice by the local page when it is shown"
            yield TemplateFinding(line, "differs", what, "use 'assign'", error=False)


def _escaping(source: Source) -> Iterator[TemplateFinding]:
    in_attributes = set()
    for element in source.elements:
        for name, value in element.attributes.items():
            for output in source.outputs_in(value):
                in_attributes.add(output)
                line = source.line(output.offset)
                yield from _attribute(line, name, output.filters, name in element.unquoted)
    for output in source.in_scripts:
        what = f"'{output.text}' stands in a script, where escaping for HTML does not protect"
        remedy = 'put it in an attribute, data-x="{{ … | to_json | escape }}", and read that'
        yield TemplateFinding(source.line(output.offset), "escape", what, remedy)
    for output in source.outputs:
        if output in in_attributes or output in source.in_scripts:
            continue
        unescaped = _unescaped(output.filters)
        if unescaped:
            what = f"'{output.text}' is not escaped: {unescaped!r} lets text become markup"
            remedy = "end it with | escape" if unescaped == "to_json" else f"drop {unescaped}"
            line = source.line(output.offset)
            yield TemplateFinding(line, "escape", what, remedy, error=unescaped != "to_json")
        elif re.fullmatch(r"(\"[^\"]*[<>&'][^\"]*\")|('[^']*[<>&\"][^']*')", output.text):
            what = f"the text {output.text} is escaped by Ground Truth and not by the local page"
            line = source.line(output.offset)
            yield TemplateFinding(line, "differs", what, "write it outside Liquid", error=False)


def _attribute(
    line: int, name: str, filters: list[str], unquoted: bool
) -> Iterator[TemplateFinding]:
    if name.startswith("on"):
        remedy = "add a listener in a script, and give it the value in a data attribute"
        what = f"an output in {name}, which is a script: escaping for HTML does not protect"
        yield TemplateFinding(line, "escape", what, remedy)
    if unquoted:
        what = f"an output in {name} without quotes; a space in it begins another attribute"
        yield TemplateFinding(line, "escape", what, f'write {name}="{{{{ … }}}}"')
    unescaped = _unescaped(filters)
    if unescaped:
        what = f"an unescaped output in {name}: a quote in it ends the attribute"
        remedy = "end it with | escape" if unescaped == "to_json" else f"drop {unescaped}"
        yield TemplateFinding(line, "escape", what, remedy)


def _unescaped(filters: list[str]) -> str | None:
    """The filter that leaves an output unescaped, unless a later one escapes it."""
    for name in reversed(filters):
        if name in ("escape", "escape_once", "url_encode"):
            return None
        if name in ("skip_autoescape", "to_json"):
            return name
    return None
