"""What can be done with Souk. Dialects, CLI, console and tools go through here and nothing else."""
