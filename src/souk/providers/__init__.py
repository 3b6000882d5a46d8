"""The upstream services and local engines that run tasks; registry.py is the one table of them."""
