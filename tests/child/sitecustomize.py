"""Python runs this at the start of every process that a test starts: it closes that process's network."""

from tests.network import close_network

close_network()
