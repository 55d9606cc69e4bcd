"""``consolidate`` and ``golden``: from votes to labels, and how good they are."""
