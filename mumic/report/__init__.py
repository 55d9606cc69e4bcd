"""``mumic report``: one page about a run, and its figures."""
