"""Text made from values: the Jenkinsfile."""
