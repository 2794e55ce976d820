"""One tenant from a terminal: opened, planted, its people, files, licence and audit."""
