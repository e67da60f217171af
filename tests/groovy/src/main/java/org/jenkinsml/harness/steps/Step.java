package org.jenkinsml.harness.steps;

/** A step without a block. */
public interface Step {

    /** Does the work; the value is what the script gets. */
    Object run(StepCall call) throws Exception;

    /** Whether the script just calls it; the others work beside the script, whose state is saved meanwhile. */
    default boolean isSynchronous() {
        return false;
    }

    /** A step that the script just calls. */
    static Step synchronous(Step step) {
        return new Step() {
            @Override
            public Object run(StepCall call) throws Exception {
                return step.run(call);
            }

            @Override
            public boolean isSynchronous() {
                return true;
            }
        };
    }
}
