"""The pictures of a report, one module each. A picture comes with a text that states its numbers."""
