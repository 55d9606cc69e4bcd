"""Templates as Jinja2 reads them: a workspace's own win over the packaged ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

from annotate.resources import resource


def bracket_templates(own_templates: Path, **more: Any) -> jinja2.Environment:
    """Templates whose marks are ``[[ ]]``, ``[% %]`` and ``[# #]``.

    Braces then stay as they are: Ground Truth's Liquid, styles and scripts have many.

    Args:
        own_templates: the workspace's folder.
        more: further options of the environment.
    """
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([own_templates, resource("templates")]),
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **more,
    )
