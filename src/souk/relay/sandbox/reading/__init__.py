"""Reading a request of one protocol as what it asks for: one module for each."""
