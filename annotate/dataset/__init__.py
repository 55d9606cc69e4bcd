"""``dataset``: labelled images with their splits."""
