"""The guarded outbound network: every request Souk makes of another machine passes through here."""
