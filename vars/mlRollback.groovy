// Puts an earlier version back into production. See mlRollback.txt.
def call(Map given = [:]) {
  Map settings = [
    version: env.JENKINS_ML_ROLLBACK_TO ?: '',         // the version to go back to; empty: the one before
    reason: env.JENKINS_ML_ROLLBACK_REASON ?: 'asked for in Jenkins', // kept in the journal
    directory: '.',        // folder of jenkins-ml.yaml in the checkout
    install: false,        // bring jenkins-ml to the agent first
    results: [:],          // outcome -> 'failure', 'unstable' or 'success'
  ] + given
  String version = settings.remove('version')
  String reason = settings.remove('reason')
  // By the environment: a parameter never becomes part of a shell line.
  return withEnv(["JENKINS_ML_ROLLBACK_TO=${version}", "JENKINS_ML_ROLLBACK_REASON=${reason}"]) {
    mlStage(settings + [stage: 'rollback'])
  }
}
