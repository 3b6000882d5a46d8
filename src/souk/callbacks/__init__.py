"""Callbacks: telling clients that their tasks moved on, from the outbox to the receiver's answer."""
