"""Who asks: ways in, sessions, second steps, roles held today; and what is noted of whoever came."""
