"""What monitoring means, without any of the programs that do it."""
