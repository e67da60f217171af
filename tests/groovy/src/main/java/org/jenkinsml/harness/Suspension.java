package org.jenkinsml.harness;

/** What a script waits for when it has called something that takes time. */
abstract class Suspension implements Live {

    /** Takes the outcome; whatever comes after the first is ignored. */
    interface Completion {
        void succeed(Object value);

        void fail(Throwable cause);

        boolean isComplete();
    }

    /** Begins, on the thread of the program; must not block. */
    abstract void start(CpsThread thread, Completion completion) throws Exception;

    /** Somebody interrupts the wait: end it with that cause, now or when all has been cleaned up. */
    void stop(Throwable cause, Completion completion) {
        completion.fail(cause);
    }

    /** Whether an interruption must be given to the threads that this one waits for instead. */
    boolean delegatesInterruption() {
        return false;
    }
}
