"""What people see in a browser: gathered here, drawn by the renderer."""
