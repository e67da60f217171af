package org.jenkinsml.harness;

import hudson.AbortException;
import hudson.model.Result;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException;

/** What an exception means for a build. */
public final class Exceptions {

    private Exceptions() {
    }

    /** The result of a build or stage that ends with it. */
    public static Result result(Throwable cause) {
        return cause instanceof FlowInterruptedException interruption ? interruption.getResult() : Result.FAILURE;
    }

    /** Somebody aborted the build: no step may go on after that. */
    public static boolean isAbort(Throwable cause) {
        return cause instanceof FlowInterruptedException interruption && interruption.isActualInterruption();
    }

    /** What the console says. */
    static String text(Throwable cause) {
        if (cause instanceof AbortException) {
            return "ERROR: " + cause.getMessage();
        }
        if (cause instanceof FlowInterruptedException) {
            return cause.getMessage();
        }
        StringWriter text = new StringWriter();
        cause.printStackTrace(new PrintWriter(text, true));
        return text.toString().stripTrailing();
    }
}
