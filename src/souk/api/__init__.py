"""The HTTP plumbing around the dialects: routing, credentials, bodies, errors, health and metrics."""
