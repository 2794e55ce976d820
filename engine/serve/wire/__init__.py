"""What comes and goes over HTTP, whoever asks and whatever for: bodies, answers, refusals and their words."""
