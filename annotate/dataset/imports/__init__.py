"""``dataset import``: labels that people have already, in the formats of other tools."""
