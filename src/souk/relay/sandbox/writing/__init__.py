"""Writing an answer in the words of one protocol, whole or as a stream of events: one module for each."""
