"""How upstream services chat: for each, where its protocols are served, how it is paid, and what it wants otherwise."""
