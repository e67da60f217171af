package org.jenkinsml.harness.steps;

import java.nio.file.Path;
import java.util.Map;
import org.jenkinsci.plugins.workflow.steps.MissingContextVariableException;
import org.jenkinsml.harness.Build;
import org.jenkinsml.harness.Context;
import org.jenkinsml.harness.Live;
import org.jenkinsml.harness.Workspace;
import org.jenkinsml.harness.WorkingDirectory;

/** One call of a step: its arguments, where it happens, and whether somebody wants it to stop. */
public final class StepCall implements Live {

    private final Build build;
    private final Context context;
    private final String name;
    private final Map<String, Object> arguments;
    private Runnable onStop;
    private Throwable stoppedBy;

    public StepCall(Build build, Context context, String name, Map<String, Object> arguments) {
        this.build = build;
        this.context = context;
        this.name = name;
        this.arguments = arguments;
    }

    public Build build() {
        return build;
    }

    public Context context() {
        return context;
    }

    public String name() {
        return name;
    }

    /** An argument as it was given, or null. */
    public Object get(String argument) {
        return arguments.get(argument);
    }

    public boolean has(String argument) {
        return arguments.get(argument) != null;
    }

    /** An argument as text, or null. */
    public String text(String argument) {
        Object value = arguments.get(argument);
        return value == null ? null : value.toString();
    }

    /** An argument as text that has to be there. */
    public String required(String argument) {
        String value = text(argument);
        if (value == null) {
            throw new IllegalArgumentException("Missing required parameter: \"" + argument + "\" of step " + name);
        }
        return value;
    }

    public boolean flag(String argument) {
        return Boolean.TRUE.equals(arguments.get(argument));
    }

    /** Where the step works; fails outside of a node. */
    public Path directory() throws MissingContextVariableException {
        WorkingDirectory directory = context.get(WorkingDirectory.class);
        if (directory == null) {
            throw new MissingContextVariableException("class hudson.FilePath", "node");
        }
        return directory.path();
    }

    /** The workspace that the working directory lies in; fails outside of a node. */
    public Path workspace() throws MissingContextVariableException {
        directory();
        return context.get(Workspace.class).path();
    }

    public Map<String, String> environment() {
        return build.environment(context);
    }

    public void log(String text) {
        build.console().print(text, context);
    }

    /** What ends the work when somebody interrupts it; the outcome then waits for the work to end. */
    public synchronized void onStop(Runnable action) {
        onStop = action;
        if (stoppedBy != null) {
            action.run();
        }
    }

    /** Interrupts the step; whether it will end by itself now. */
    public synchronized boolean stop(Throwable cause) {
        stoppedBy = cause;
        if (onStop != null) {
            onStop.run();
        }
        return onStop != null;
    }

    public synchronized Throwable stoppedBy() {
        return stoppedBy;
    }

    /** Fails when the step was interrupted. */
    public synchronized void throwIfStopped() throws InterruptedException {
        if (stoppedBy instanceof InterruptedException interruption) {
            throw interruption;
        }
    }
}
