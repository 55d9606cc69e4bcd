"""Pictures: decoding, resizing, near-duplicates, thumbnails."""
