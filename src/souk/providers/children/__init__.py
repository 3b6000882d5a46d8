"""Child processes that do the media work of this machine's own engines: the pool of them, and what they share."""
