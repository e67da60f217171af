package org.jenkinsml.harness;

import com.cloudbees.groovy.cps.Continuable;
import com.cloudbees.groovy.cps.Outcome;
import java.util.function.Consumer;

/** One strand of a script, the script itself or a branch of {@code parallel}: runs until it waits for something. */
final class CpsThread implements Live {

    final Continuable program;
    private final Consumer<Outcome> whenDone;
    private Context context;
    private Outcome resumeWith = new Outcome(null, null);
    private Suspension waitingFor;
    private Suspension.Completion completion;
    private Throwable pendingInterruption;

    CpsThread(Continuable program, Context context, Consumer<Outcome> whenDone) {
        this.program = program;
        this.context = context;
        this.whenDone = whenDone;
    }

    Context context() {
        return context;
    }

    void enter(Object provided) {
        context = context.with(provided);
    }

    void leave() {
        context = context.parent();
    }

    Outcome takeResumeValue() {
        waitingFor = null;
        completion = null;
        return resumeWith;
    }

    void resumeWith(Outcome outcome) {
        resumeWith = outcome;
    }

    void done(Outcome outcome) {
        whenDone.accept(outcome);
    }

    void waitFor(Suspension suspension, Suspension.Completion whenReady) {
        waitingFor = suspension;
        completion = whenReady;
        Throwable interruption = pendingInterruption;
        pendingInterruption = null;
        try {
            if (interruption == null) {
                suspension.start(this, whenReady);
            } else {
                whenReady.fail(interruption);
            }
        } catch (Throwable e) { // whatever a step throws is what the script gets
            whenReady.fail(e);
        }
    }

    void interrupt(Throwable cause) {
        if (waitingFor == null || completion.isComplete()) { // it runs on before it can be told: at its next wait
            pendingInterruption = cause;
        } else if (!waitingFor.delegatesInterruption()) {
            waitingFor.stop(cause, completion);
        }
    }
}
