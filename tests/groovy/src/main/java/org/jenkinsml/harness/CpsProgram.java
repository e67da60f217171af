package org.jenkinsml.harness;

import com.cloudbees.groovy.cps.Continuable;
import com.cloudbees.groovy.cps.CpsDefaultGroovyMethods;
import com.cloudbees.groovy.cps.CpsDefaultGroovyStaticMethods;
import com.cloudbees.groovy.cps.CpsStringGroovyMethods;
import com.cloudbees.groovy.cps.Outcome;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * Runs the threads of a script on one thread of Java, in turns: each until it waits. When all wait, their state is
 * written as the server would save it, which finds what cannot be saved.
 */
final class CpsProgram {

    private static final List<Class> CATEGORIES = List.of(CpsDefaultGroovyMethods.class,
            CpsDefaultGroovyStaticMethods.class, CpsStringGroovyMethods.class, SerializableIterators.class);

    private final BlockingQueue<Runnable> events = new LinkedBlockingQueue<>();
    private final Deque<CpsThread> ready = new ArrayDeque<>();
    private final Set<CpsThread> threads = new LinkedHashSet<>();
    private CpsThread current;
    private Throwable crash;

    /** The thread that runs now: steps take their context from it. */
    CpsThread current() {
        return current;
    }

    /** Adds a thread; it gets its turn after those that are ready now. */
    CpsThread start(Continuable program, Context context, Consumer<Outcome> whenDone) {
        CpsThread thread = new CpsThread(program, context, whenDone);
        threads.add(thread);
        ready.add(thread);
        return thread;
    }

    /** Has something done on the thread of the program; the only method that other threads may call. */
    void post(Runnable event) {
        events.add(event);
    }

    /** Runs until no thread is left; throws what kept the state from being saved. */
    void run() throws Throwable {
        while (!threads.isEmpty()) {
            if (ready.isEmpty() && events.isEmpty()) {
                ProgramState.write(threads);
            }
            Runnable event = ready.isEmpty() ? events.take() : events.poll();
            if (event != null) {
                event.run();
            } else {
                runChunk(ready.remove());
            }
            if (crash != null) {
                throw crash;
            }
        }
    }

    /** Ends the program at once; nothing of the script runs any more. */
    void crash(Throwable cause) {
        post(() -> crash = cause);
    }

    /** Ends what the threads inside a block wait for. */
    void interrupt(Object provided, Throwable cause) {
        for (CpsThread thread : new ArrayList<>(threads)) {
            if (provided == null || thread.context().isWithin(provided)) {
                thread.interrupt(cause);
            }
        }
    }

    private void runChunk(CpsThread thread) {
        current = thread;
        Outcome outcome;
        try {
            outcome = thread.program.run0(thread.takeResumeValue(), CATEGORIES);
        } catch (Throwable e) { // the interpreter itself failed: the script sees it as its own
            outcome = new Outcome(null, e);
        } finally {
            current = null;
        }
        if (outcome.isSuccess() && thread.program.isResumable()) {
            Object yielded = outcome.getNormal();
            if (yielded instanceof Suspension suspension) {
                thread.waitFor(suspension, completion(thread));
            } else {
                thread.resumeWith(new Outcome(yielded, null));
                ready.add(thread);
            }
        } else {
            threads.remove(thread);
            thread.done(outcome);
        }
    }

    private Suspension.Completion completion(CpsThread thread) {
        AtomicBoolean complete = new AtomicBoolean();
        return new Suspension.Completion() {
            @Override
            public void succeed(Object value) {
                resume(new Outcome(value, null));
            }

            @Override
            public void fail(Throwable cause) {
                resume(new Outcome(null, cause));
            }

            @Override
            public boolean isComplete() {
                return complete.get();
            }

            private void resume(Outcome outcome) {
                if (complete.compareAndSet(false, true)) {
                    post(() -> {
                        thread.resumeWith(outcome);
                        ready.add(thread);
                    });
                }
            }
        };
    }
}
