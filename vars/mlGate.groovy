// Holds the version of this run against its limits and against production. See mlGate.txt.
def call(Map given = [:]) {
  Map settings = [
    directory: '.',        // folder of jenkins-ml.yaml in the checkout
    install: false,        // bring jenkins-ml to the agent first
    results: [:],          // outcome -> 'failure', 'unstable' or 'success'
    publishCredentials: null, // id of a secret text: tell GitHub or GitLab with this token
  ] + given
  return mlStage(settings + [stage: 'gate', tests: '*/junit.xml'])
}
