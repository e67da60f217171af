"""The embedded model server: one process, one model, several of its versions, split traffic.

It answers as TensorFlow Serving does, so that clients need not know which of the two they talk to. Read it from the
middle outwards: `dataplane` decides which version answers and keeps count; `rest_api` and `grpc_api` only translate;
`admin` is how a deployer moves traffic; `__main__` is the process.

    status      canonical codes, and the two kinds of failure: the client's and the version's
    dtypes      the tensor types, and their names in NumPy, TensorFlow and the protocol
    json_reader, json_request, json_response     the REST bodies
    messages, tensors                            the gRPC messages
    traffic, outcomes, workers, inference        the parts of the data plane
"""
