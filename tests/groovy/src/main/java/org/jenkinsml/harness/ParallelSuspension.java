package org.jenkinsml.harness;

import com.cloudbees.groovy.cps.Outcome;
import groovy.lang.Closure;
import hudson.model.Result;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException;

/** Runs branches as threads of their own and waits for all of them. */
final class ParallelSuspension extends Suspension {

    /** Marks the context of a branch. */
    private record Branch(String name) {
    }

    private final Build build;
    private final Map<String, Closure<?>> closures = new LinkedHashMap<>();
    private final boolean failFast;
    private final Map<String, Branch> branches = new LinkedHashMap<>();
    private final Map<String, Object> results = new LinkedHashMap<>();
    private Throwable first;

    ParallelSuspension(Build build, Map<?, ?> closures, boolean failFast) {
        this.build = build;
        this.failFast = failFast;
        closures.forEach((name, closure) -> this.closures.put(name.toString(), (Closure<?>) closure));
    }

    @Override
    boolean delegatesInterruption() {
        return true;
    }

    @Override
    void start(CpsThread thread, Completion completion) {
        if (closures.isEmpty()) {
            completion.succeed(results);
        }
        closures.keySet().forEach(name -> results.put(name, null));
        closures.forEach((name, closure) -> {
            Branch branch = new Branch(name);
            branches.put(name, branch);
            build.program().start(Host.program(closure), thread.context().with(branch),
                    outcome -> ended(branch, outcome, completion));
        });
    }

    private void ended(Branch branch, Outcome outcome, Completion completion) {
        branches.remove(branch.name());
        results.put(branch.name(), outcome.getNormal());
        if (outcome.isFailure()) {
            build.console().print("Failed in branch " + branch.name(), null);
            fail(outcome.getAbnormal());
        }
        if (branches.isEmpty()) {
            if (first == null) {
                completion.succeed(results);
            } else {
                completion.fail(first);
            }
        }
    }

    private void fail(Throwable cause) {
        if (first == null) {
            first = cause;
            if (failFast) {
                branches.values().forEach(other -> build.interrupt(other,
                        new FlowInterruptedException(Result.ABORTED, true, "Failed in another branch")));
            }
        } else if (!failFast && Exceptions.result(cause).isWorseThan(Exceptions.result(first))) {
            first = cause;
        }
    }
}
