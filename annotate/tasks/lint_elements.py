"""Rules about the elements of a task template.

``form`` (Amazon's script, one crowd-form around all inputs), ``names`` (answers that would
collide), ``image`` (addresses that no browser may read) and ``differs`` (what the local page does
otherwise).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from annotate.tasks.findings import TemplateFinding
from annotate.tasks.page import CROWD_SCRIPT, SHIM_FILES
from annotate.tasks.source import LOOPS, Element, Source
from annotate.templates import own_or_packaged

_CROWD_HOST = "assets.crowd.aws"
_BOXES = ("crowd-checkbox",)
_FIELDS = ("crowd-radio-button", "crowd-input", "crowd-text-area")
_NEVER_REQUIRED = ("crowd-radio-button", "crowd-text-area")
_WIDGET = re.compile(r"crowd-(?!instructions)[\w-]*(classifier|annotation|segmentation|box)[\w-]*")
_NATIVE = ("input", "select", "textarea")
_NO_ANSWER = ("submit", "reset", "button", "image")


def lint_elements(source: Source, own_templates: Path) -> Iterator[TemplateFinding]:
    """Findings about a template's elements.

    Args:
        source: the template taken apart.
        own_templates: a folder whose files win over the packaged ones, the shim's too.
    """
    yield from _script(source)
    yield from _form(source)
    inputs = [element for element in source.elements if _is_input(element)]
    yield from _names(source, inputs)
    yield from _ids(source)
    shim = "".join(own_or_packaged(own_templates, name).read_text("utf-8") for name in SHIM_FILES)
    known = set(re.findall(r'define\("(crowd-[a-z-]+)"', shim))
    for element in source.elements:
        yield from _image(source, element)
        yield from _differs(source, element, known)


def _script(source: Source) -> Iterator[TemplateFinding]:
    scripts = [
        element for element in source.elements if _CROWD_HOST in element.attributes.get("src", "")
    ]
    if not scripts:
        what = "Amazon's elements are not loaded, so that no box works"
        yield TemplateFinding(1, "form", what, f"add {CROWD_SCRIPT}")
    elif len(scripts) > 1 or source.text.count(CROWD_SCRIPT) != 1:
        what = "the local page replaces exactly one script of Amazon's, in exactly one spelling"
        line = source.line(scripts[-1].offset)
        yield TemplateFinding(line, "form", what, f"write {CROWD_SCRIPT} once")


def _form(source: Source) -> Iterator[TemplateFinding]:
    forms = [element for element in source.elements if element.name == "crowd-form"]
    if not forms:
        what = "there is no crowd-form, so that nothing can be submitted"
        yield TemplateFinding(1, "form", what, "put one <crowd-form> around all inputs")
    for form in forms[1:]:
        what = "a second crowd-form; only one is submitted"
        line = source.line(form.offset)
        yield TemplateFinding(line, "form", what, "keep one, around all inputs")
    for element in source.elements if forms else ():
        if _is_input(element) and "crowd-form" not in element.inside:
            what = f"<{element.name}> stands outside the crowd-form; its answer is lost"
            line = source.line(element.offset)
            yield TemplateFinding(line, "form", what, "move it into the form")


def _is_input(element: Element) -> bool:
    if element.name == "input":
        return element.attributes.get("type", "text") not in _NO_ANSWER
    return element.name in (*_BOXES, *_FIELDS, *_NATIVE) or bool(_WIDGET.fullmatch(element.name))


def _is_box(element: Element) -> bool:
    """Whether answers of the same name stand side by side, each under its own value."""
    return element.name in _BOXES or element.attributes.get("type") in ("checkbox", "radio")


def _names(source: Source, inputs: list[Element]) -> Iterator[TemplateFinding]:
    seen: list[tuple[Element, str, str | None]] = []
    for element in inputs:
        line = source.line(element.offset)
        name = source.readable(element.attributes.get("name", ""))
        if not name:
            if element.name.startswith("crowd-"):
                what = f"<{element.name}> has no name, so that its answer is lost"
                yield TemplateFinding(line, "names", what, "give it a name")
            continue
        value = source.readable(element.attributes.get("value", "on")) if _is_box(element) else None
        told = f"name {name!r}" if value is None else f"name {name!r} with value {value!r}"
        if _in_loop(element) and "{{" not in f"{name}{value or ''}":
            what = f"{told} is the same in every turn of a loop; one answer replaces the other"
            yield TemplateFinding(line, "names", what, "take an output of the loop into it")
        for other, other_name, other_value in seen:
            collide = None in (value, other_value) or value == other_value
            if name == other_name and collide and not _exclude(element, other):
                before = source.line(other.offset)
                what = f"{told} collides with line {before}; one answer replaces the other"
                yield TemplateFinding(line, "names", what, "give each its own")
                break
        seen.append((element, name, value))


def _in_loop(element: Element) -> bool:
    return any(block.name in LOOPS for block in element.blocks)


def _exclude(one: Element, other: Element) -> bool:
    """Whether two elements stand in different branches of the same tag."""
    return any(
        a.offset == b.offset and a.branch != b.branch
        for a, b in zip(one.blocks, other.blocks, strict=False)
    )


def _ids(source: Source) -> Iterator[TemplateFinding]:
    seen: dict[str, Element] = {}
    for element in source.elements:
        identity = source.readable(element.attributes.get("id", ""))
        if not identity:
            continue
        line = source.line(element.offset)
        if _in_loop(element) and "{{" not in identity:
            what = f"the id {identity!r} is the same in every turn of a loop"
            yield TemplateFinding(
                line, "names", what, "take an output of the loop into it", error=False
            )
        elif identity in seen and not _exclude(element, seen[identity]):
            what = f"the id {identity!r} stands in line {source.line(seen[identity].offset)} too"
            yield TemplateFinding(line, "names", what, "give each its own", error=False)
        seen.setdefault(identity, element)


def _image(source: Source, element: Element) -> Iterator[TemplateFinding]:
    if element.name not in ("img", "crowd-image-classifier", "crowd-image-classifier-multi-select"):
        return
    address = element.attributes.get("src", "")
    line = source.line(element.offset)
    for output in source.outputs_in(address):
        if "grant_read_access" not in output.filters:
            what = f"'{output.text}' may be an S3 address, which no browser can read"
            remedy = f"write {{{{ {output.text} | grant_read_access }}}}"
            yield TemplateFinding(line, "image", what, remedy, error=False)
    if address.startswith("s3://"):
        what = f"{source.readable(address)} cannot be read by a browser"
        remedy = f'write {{{{ "{source.readable(address)}" | grant_read_access }}}}'
        yield TemplateFinding(line, "image", what, remedy)


def _differs(source: Source, element: Element, known: set[str]) -> Iterator[TemplateFinding]:
    line = source.line(element.offset)
    attributes = element.attributes
    if element.name.startswith("crowd-") and element.name not in known:
        what = f"the local page has no <{element.name}>"
        remedy = "use it in Ground Truth only, or ask with crowd-checkbox"
        yield TemplateFinding(line, "differs", what, remedy, error=False)
    if element.name in _NEVER_REQUIRED and "required" in attributes:
        what = f"required has no effect on <{element.name}>, here and in Ground Truth"
        remedy = "check it in a script of crowd-form's onsubmit"
        yield TemplateFinding(line, "differs", what, remedy, error=False)
    address = attributes.get("src", "") or attributes.get("href", "")
    loads = element.name in ("script", "link", "img", "iframe")
    if loads and re.match(r"(https?:)?//", address) and _CROWD_HOST not in address:
        what = f"{source.readable(address)} is not loaded by the local page: it asks no other host"
        yield TemplateFinding(line, "differs", what, "write it into the template", error=False)
    if element.name == "script" and attributes.get("type") == "module":
        what = "modules are reported not to work in Ground Truth's templates"
        yield TemplateFinding(line, "differs", what, "write a plain script", error=False)
    for name in attributes:
        if name.startswith("on") and not source.outputs_in(attributes[name]):
            what = f"the local page's policy does not run a script in {name}"
            yield TemplateFinding(line, "differs", what, "add a listener in a script", error=False)
    if element.name == "select" or attributes.get("type") in ("checkbox", "radio"):
        what = f"how Ground Truth stores a plain {element.name} is not documented"
        yield TemplateFinding(line, "differs", what, "use crowd-checkbox", error=False)
