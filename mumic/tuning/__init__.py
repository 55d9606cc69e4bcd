"""A search for better settings of ``[train]``, judged by the validation split."""
