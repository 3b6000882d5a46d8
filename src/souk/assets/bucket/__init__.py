"""Storage in a bucket of an S3-compatible service. Its ``storage`` loads the client library, some 10 MB."""
