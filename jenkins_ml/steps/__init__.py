"""What a Jenkins agent runs: one module a command; each only wires what stands below it."""
