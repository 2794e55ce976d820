"""The server as it stands at its port: whose a request is, which door it goes through, what goes back."""
