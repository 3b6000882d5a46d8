"""The words that a request for one step of a longer work is written with; read by both ends of the pipe."""

from typing import Final

STEP: Final = "step"
"""Which step: :data:`WORDS`, or a track's number."""
WORDS: Final = "words"
"""The first step: what is sung, under which title; nothing sounds yet."""
PLAN: Final = "plan"
"""What the first step settled, repeated to the others."""
