"""jenkins-ml.yaml becomes frozen values; every error in it is found at once and has a place."""
