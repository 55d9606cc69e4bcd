"""``catalog``: every image of the sources, measured once."""
