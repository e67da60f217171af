package org.jenkinsml.evaluate;

import groovy.lang.GroovyObjectSupport;

/** What a name or a call stands for, such as {@code any} or {@code params.SIZE}: its text is how it was written. */
final class Named extends GroovyObjectSupport {

    private final String text;

    Named(String text) {
        this.text = text;
    }

    @Override
    public Object getProperty(String name) {
        return switch (text + "." + name) {
            case "env.JENKINS_ML_OUTCOME", "currentBuild.previousBuild" -> null;
            case "currentBuild.currentResult" -> "FAILURE"; // so that people are told
            default -> new Named(text + "." + name);
        };
    }

    @Override
    public void setProperty(String name, Object value) {
        // `env.NAME = ...` within a step: of no interest here
    }

    /** For `if (fileExists(..))` and `!env.NAME`: nothing is there. */
    public boolean asBoolean() {
        return false;
    }

    @Override
    public String toString() {
        return "<" + text + ">";
    }
}
