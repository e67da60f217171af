package org.jenkinsml.harness;

import org.jenkinsml.harness.steps.Step;
import org.jenkinsml.harness.steps.StepCall;

/** A step that works beside the script. */
final class LeafSuspension extends Suspension {

    private final Step step;
    private final StepCall call;

    LeafSuspension(Step step, StepCall call) {
        this.step = step;
        this.call = call;
    }

    @Override
    void start(CpsThread thread, Completion completion) {
        Timers.beside(() -> {
            try {
                Object value = step.run(call);
                call.throwIfStopped();
                completion.succeed(value);
            } catch (Throwable e) { // whatever a step throws is what the script gets
                completion.fail(call.stoppedBy() == null ? e : call.stoppedBy());
            }
        });
    }

    @Override
    void stop(Throwable cause, Completion completion) {
        if (!call.stop(cause)) {
            completion.fail(cause);
        }
    }
}
