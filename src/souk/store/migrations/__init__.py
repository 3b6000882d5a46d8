"""Schema versions. Each file under ``versions`` is one step, frozen when released."""
