"""The wire APIs: what each reads from a request and how it words what happened. One module per dialect."""
