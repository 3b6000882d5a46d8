"""The task's life: claim, attempt, poll, store, finish, cancel, retention. The engine owns time.

It imports no dialect and no HTTP framework; clock, random source, store and network are arguments.
"""
