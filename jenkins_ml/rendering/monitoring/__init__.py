"""Files for Prometheus and its companions. Each module answers some of them: files(config) -> relative name and text."""
