package org.jenkinsci.plugins.scriptsecurity.sandbox;

/** The sandbox forbids a call; under the name that it has in the log of a build. */
public final class RejectedAccessException extends SecurityException {

    private static final long serialVersionUID = 1;

    public RejectedAccessException(String signature) {
        super("Scripts not permitted to use " + signature);
    }
}
