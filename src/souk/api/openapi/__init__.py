"""What ``/openapi.json`` says: operations are described here, models come from the catalogue."""
