"""Docker as a target of releases: a container a version behind a proxy, on one engine.

target      what the rollout asks for
connection  the engine, and its failures in our words
shapes      what containers, network and volume look like
proxy       the proxy: its configuration, its servers and their weights
tunnel      a connection to a port inside a container, on whatever machine the engine is
control     the proxy's command line at run time
counters    what the proxy counted, as windows of the judge
versions    brings containers of versions up and down
causes      why a container is not ready
asking      what one version answers
lock        who may change an environment
"""
