package org.jenkinsml.harness.front;

/** The plugin itself fails on this Jenkinsfile: the server's validator answers with status 500, a build fails. */
final class ServerException extends RuntimeException {

    private static final long serialVersionUID = 1;

    ServerException(String message) {
        super(message);
    }
}
