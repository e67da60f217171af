package org.jenkinsci.plugins.workflow.steps;

import hudson.model.Result;

/** Something ended a step from outside; under the name that Jenkinsfiles catch it by. */
public final class FlowInterruptedException extends InterruptedException {

    private static final long serialVersionUID = 1;

    private final Result result;
    private boolean actualInterruption;

    /** Nothing may go on inside of what an {@code actualInterruption} ends; any other is just a failure. */
    public FlowInterruptedException(Result result, boolean actualInterruption, String cause) {
        super(cause);
        this.result = result;
        this.actualInterruption = actualInterruption;
    }

    public Result getResult() {
        return result;
    }

    public boolean isActualInterruption() {
        return actualInterruption;
    }

    public void setActualInterruption(boolean isActual) {
        actualInterruption = isActual;
    }
}
