// What all stages share: the other steps of this library are thin calls of it. See mlStage.txt.
def call(Map given = [:]) {
  Map settings = [
    stage: null,            // the command: test, train, gate, serve, monitor or rollback
    directory: '.',         // folder of jenkins-ml.yaml in the checkout
    install: false,         // bring jenkins-ml to the agent first, as the JENKINS_ML_INSTALL_ variables say
    results: [:],           // what an outcome makes of the build: [rejected: 'unstable'] and so on; default 'failure'
    tests: null,            // files of JUnit XML to show, below .jenkins-ml/reports
    publishCredentials: null, // id of a secret text: tell GitHub or GitLab with this token what the gate, or a failure, said
  ]
  checkKeys(given, settings.keySet())
  settings = settings + given

  Map outcome = [exitCode: 1]
  dir(settings.directory) {
    try {
      outcome = start(settings)
    } finally {
      show(settings)
      if (settings.publishCredentials && (settings.stage == 'gate' || outcome.exitCode != 0)) {
        publish(settings)
      }
    }
  }
  return outcome
}

// Runs the command. Its exit code decides about the build, not an exception of the shell.
private Map start(Map settings) {
  String program = 'jenkins-ml'
  if (settings.install) {
    writeFile file: '.jenkins-ml/install.sh', text: libraryResource('jenkins_ml/install.sh')
    sh 'sh .jenkins-ml/install.sh'
    program = '.jenkins-ml/bin/jenkins-ml'
  }
  int code = 0
  String answer = '.jenkins-ml/answer.json'
  // The lines of the shell are constants: whatever varies is in the environment.
  withEnv(["JENKINS_ML_PROGRAM=${program}", "JENKINS_ML_STAGE=${settings.stage}", "JENKINS_ML_ANSWER=${answer}"]) {
    if (settings.stage == 'test') {
      code = sh(label: 'jenkins-ml test', returnStatus: true, script: '"$JENKINS_ML_PROGRAM" test')
    } else {
      code = sh(label: "jenkins-ml ${settings.stage}", returnStatus: true, script: '''
        mkdir -p .jenkins-ml && rm -f "$JENKINS_ML_ANSWER"
        "$JENKINS_ML_PROGRAM" "$JENKINS_ML_STAGE" --json > "$JENKINS_ML_ANSWER"
      ''')
    }
  }
  Map result = [stage: settings.stage, exitCode: code] + (fileExists(answer) ? readAnswer(readFile(answer)) : [:])
  if (code != 0) {
    refuse(code, settings.results)
  }
  return result
}

// After a refusal nothing is released, whatever colour the build gets.
private void refuse(int code, Map results) {
  String outcome = [3: 'rejected', 4: 'inconclusive', 5: 'rolled_back'][code] ?: 'failed'
  String reason = ".jenkins-ml/reports/failure.txt"
  env.JENKINS_ML_OUTCOME = outcome
  env.JENKINS_ML_REASON = fileExists(reason) ? readFile(reason).trim() : "exit code ${code}"
  String result = results[outcome] ?: 'failure'
  if (result == 'failure') {
    error(env.JENKINS_ML_REASON)
  }
  if (result == 'unstable') {
    unstable(env.JENKINS_ML_REASON)
  }
}

private void show(Map settings) {
  if (settings.tests) {
    // Only shown: the exit code has decided about the build.
    junit testResults: ".jenkins-ml/reports/${settings.tests}", allowEmptyResults: true, skipMarkingBuildUnstable: true
  }
  archiveArtifacts artifacts: '.jenkins-ml/reports/*/**', allowEmptyArchive: true, fingerprint: true
}

private void publish(Map settings) {
  withCredentials([string(credentialsId: settings.publishCredentials, variable: 'JENKINS_ML_FORGE_TOKEN')]) {
    // It tells people. That it could not does not make a build worse.
    sh script: settings.install ? '.jenkins-ml/bin/jenkins-ml publish' : 'jenkins-ml publish', returnStatus: true
  }
}

// What callers may rely on, copied out: the parser's own maps do not survive a restart of Jenkins.
@NonCPS
private Map readAnswer(String text) {
  if (!text.trim()) {
    return [:]
  }
  Object answer
  try {
    answer = new groovy.json.JsonSlurper().parseText(text)
  } catch (groovy.json.JsonException ignored) {
    // Its message would quote the text, and the log would show what masking has hidden before.
    return [:]
  }
  Map result = [:]
  if (answer.version != null) {
    result.version = answer.version as int
  } else if (answer.candidate?.version != null) {
    result.version = answer.candidate.version as int
  }
  if (answer.verdict != null) {
    result.verdict = answer.verdict as String
  }
  if (answer.metrics != null) {
    Map metrics = [:]
    answer.metrics.each { name, value -> metrics[name as String] = value as Double }
    result.metrics = metrics
  }
  return result
}

private void checkKeys(Map given, Collection known) {
  for (key in given.keySet()) {
    if (!(key in known)) {
      error("mlStage: unknown setting '${key}'; known are ${known.join(', ')}")
    }
  }
}
