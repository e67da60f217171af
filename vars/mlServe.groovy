// Releases the version of this run by a canary; on the release branch only. See mlServe.txt.
def call(Map given = [:]) {
  Map settings = [
    directory: '.',        // folder of jenkins-ml.yaml in the checkout
    install: false,        // bring jenkins-ml to the agent first
    results: [:],          // outcome -> 'failure', 'unstable' or 'success'
  ] + given
  return mlStage(settings + [stage: 'serve'])
}
