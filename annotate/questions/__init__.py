"""``questions``: classes grouped into multi-choice questions."""
