from hypothesis import settings

# No deadline an example: how long one takes says how busy the machine is.
settings.register_profile("jenkins-ml", deadline=None)
settings.load_profile("jenkins-ml")
