"""``tasks``: the page that annotators see, and its manifest."""
