"""The wire APIs of Suno: music, and the tools that work on it."""
