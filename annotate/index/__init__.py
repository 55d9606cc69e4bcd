"""``index``: embeddings on disk, made on one machine or many."""
