"""The chat protocols of the makers, one module each: how a request is read, a usage found and an error told."""
