"""Accounts: who may do what, and the credits that pay for it."""
