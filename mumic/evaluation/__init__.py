"""``mumic evaluate`` and ``mumic compare``: methods side by side on one split."""
