"""What each annotator did, how far they agree, and work without some of them."""
