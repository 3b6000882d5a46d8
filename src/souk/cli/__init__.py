"""The ``souk`` command: one file per noun. It does everything through the operations."""
