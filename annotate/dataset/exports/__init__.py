"""``dataset export``: the dataset in the formats that others read."""
