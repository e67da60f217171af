"""A Kubernetes cluster as a target of releases.

- target: what the rollout calls; puts the rest together
- state: what runs, out of lists of objects; fleet: all models of a cluster at once
- bringing: makes the objects of versions and takes them away; shapes: what they look like; packing: their images
- routing: moves users' requests; traffic: how that is written on the Service or the HTTPRoute, and read back
- readiness: waits for pods; causes: why they are not ready, as one sentence
- asking: asks the pods of a version; pods: through the API server; counters, ledger: what they have answered
- writing: changes that only the holder of the environment can make; lease: who that is; notes: small texts on it
- api: requests with deadlines, repeated while the server is away; refusals: what it refuses, and why
- connection: the official client's configuration and connections; kinds: where objects are
"""
