"""What people run such work on today, beside Souk: ``python -m bench peers``."""
