// Tells people what happened, once a build. See mlNotify.txt.
def call(Map given = [:]) {
  Map settings = [
    events: ['failed', 'rejected', 'inconclusive', 'rolled_back', 'recovered'], // what they are told of
    mail: null,            // addresses, separated by commas; needs the plugin mailer
    slack: null,           // a channel; needs the plugin slack
  ] + given

  String now = currentBuild.currentResult
  String before = currentBuild.previousBuild?.result
  List bad = ['FAILURE', 'UNSTABLE', 'ABORTED']
  String event = env.JENKINS_ML_OUTCOME
  if (!event && now in bad) {
    event = 'failed'
  }
  if (!event && now == 'SUCCESS' && before in bad) {
    event = 'recovered'
  }
  if (!(event in settings.events)) {
    return
  }
  String subject = "${env.JOB_NAME} #${env.BUILD_NUMBER}: ${event.replace('_', ' ')}"
  String text = "${env.JENKINS_ML_REASON ?: now}\n${env.BUILD_URL}"
  if (settings.mail) {
    mail to: settings.mail, subject: subject, body: text
  }
  if (settings.slack) {
    slackSend channel: settings.slack, message: "${subject}\n${text}"
  }
}
