"""Chat: requests pass through as bytes, in the maker's own wire format, and are metered on the way.

A chat is no task: nothing is stored of it but what it cost.
"""
