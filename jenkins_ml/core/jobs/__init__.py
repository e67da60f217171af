"""Jobs of a Jenkins server as values: their configuration, what it means, what differs, and what has to be done."""
