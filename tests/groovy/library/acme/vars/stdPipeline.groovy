def call(Map config) {
    pipeline {
        agent any
        stages {
            stage('Train') {
                steps {
                    sh "echo training ${config.model}"
                }
            }
        }
        post {
            always {
                echo 'post:pipeline:always'
            }
        }
    }
}
