"""Jobs on a Jenkins server."""
