// Runs the tests of the model's code. See mlTest.txt.
def call(Map given = [:]) {
  Map settings = [
    directory: '.',        // folder of jenkins-ml.yaml in the checkout
    install: false,        // bring jenkins-ml to the agent first
    results: [:],          // outcome -> 'failure', 'unstable' or 'success'
    publishCredentials: null, // id of a secret text: tell GitHub or GitLab of a failure with this token
  ] + given
  return mlStage(settings + [stage: 'test', tests: '*/tests/*.xml'])
}
