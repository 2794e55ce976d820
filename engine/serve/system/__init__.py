"""The engine's own doors: accounts, logins, webhooks, changes, the audit, the stream; and their description."""
