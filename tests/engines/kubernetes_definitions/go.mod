module jenkins-ml/tests/kubernetes-definitions

go 1.26.0

// Only the YAML files of these are read: custom resource definitions.
require (
	github.com/argoproj/argo-rollouts v1.10.0
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/gateway-api v1.4.0
)
