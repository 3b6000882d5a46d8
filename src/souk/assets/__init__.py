"""Stored files: bringing results and inputs in, knowing what they are, linking to them, letting them go."""
