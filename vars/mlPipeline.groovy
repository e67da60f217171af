// The whole pipeline, for a Jenkinsfile of two lines. See mlPipeline.txt.
def call(Map given = [:]) {
  Map settings = [
    label: '',             // of the agent; empty: any
    releaseAgent: null,    // label of the agent that releases; default: label. serve.target local needs one machine
    releaseBranch: 'main', // only this branch releases
    directory: '.',        // folder of jenkins-ml.yaml in the checkout
    tests: true,           // whether jenkins-ml.yaml has a test section
    install: false,        // bring jenkins-ml to the agents first
    results: [:],          // outcome -> 'failure', 'unstable' or 'success'
    approval: null,        // [submitters: 'alice,ml-leads', hours: 24]: somebody must agree to a release
    hours: 2,              // the build is aborted after so long, waiting for an approval not counted
    notify: null,          // arguments of mlNotify
  ]
  for (key in given.keySet()) {
    if (!settings.containsKey(key)) {
      error("mlPipeline: unknown setting '${key}'; known are ${settings.keySet().join(', ')}")
    }
  }
  settings = settings + given
  Map shared = [directory: settings.directory, install: settings.install, results: settings.results]
  Map approval = [submitters: '', hours: 24] + (settings.approval ?: [:])

  pipeline {
    agent none
    options {
      timeout(time: settings.hours + (settings.approval ? approval.hours : 0), unit: 'HOURS')
      disableConcurrentBuilds(abortPrevious: !(env.BRANCH_NAME in [null, settings.releaseBranch]))
    }
    environment {
      JENKINS_ML_RUN = "${env.JOB_NAME}-${env.BUILD_NUMBER}"
      PYTHONUNBUFFERED = '1'
    }
    stages {
      stage('Model') {
        agent {
          label settings.label
        }
        stages {
          stage('Test') {
            when {
              expression { settings.tests }
            }
            steps {
              mlTest(shared)
            }
          }
          stage('Train') {
            steps {
              mlTrain(shared)
            }
          }
          stage('Gate') {
            steps {
              mlGate(shared)
            }
          }
        }
      }
      stage('Approve') {
        when {
          beforeInput true
          beforeOptions true
          branch pattern: settings.releaseBranch, comparator: 'EQUALS'
          expression { settings.approval && !env.JENKINS_ML_OUTCOME }
        }
        options {
          timeout(time: approval.hours, unit: 'HOURS')
        }
        input {
          message 'Release this version?'
          ok 'Release'
          submitter approval.submitters
          submitterParameter 'APPROVER'
        }
        steps {
          script {
            env.JENKINS_ML_APPROVER = env.APPROVER ?: ''
          }
        }
      }
      stage('Serve') {
        agent {
          label settings.releaseAgent ?: settings.label
        }
        when {
          beforeAgent true
          branch pattern: settings.releaseBranch, comparator: 'EQUALS'
          expression { !env.JENKINS_ML_OUTCOME }
        }
        steps {
          mlServe(shared)
        }
      }
    }
    post {
      always {
        script {
          if (settings.notify) {
            mlNotify(settings.notify)
          }
        }
      }
    }
  }
}
