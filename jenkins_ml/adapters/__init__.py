"""One outside system a module; they raise only our errors."""
