"""``search``: the images that fit a text or a picture best, exactly."""
