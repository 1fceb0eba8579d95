"""Jobs: the queue, the files that come in, and what becomes of them."""
