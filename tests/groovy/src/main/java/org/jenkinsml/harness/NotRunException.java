package org.jenkinsml.harness;

/** The build needs something that the harness does not run: it has no result. */
final class NotRunException extends Error {

    private static final long serialVersionUID = 1;

    NotRunException(String what) {
        super("not run: " + what);
    }
}
