package org.jenkinsci.plugins.workflow.steps;

/** A step needs something that no block around it provides, a node for example. */
public final class MissingContextVariableException extends Exception {

    private static final long serialVersionUID = 1;

    public MissingContextVariableException(String type, String provider) {
        super("Required context class " + type + " is missing\nPerhaps you forgot to surround the step with a step that"
                + " provides this, such as: " + provider);
    }
}
