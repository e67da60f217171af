package org.jenkinsml.harness;

import hudson.model.Result;
import java.util.Map;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException;

/** Interrupts a {@code timeout} block when its time is over, or when it has been silent for that long. */
final class TimeoutTimer implements Live {

    private final Build build;
    private final long milliseconds;
    private final boolean activity;
    private ScheduledFuture<?> alarm;
    private FlowInterruptedException interruption;

    private TimeoutTimer(Build build, long milliseconds, boolean activity) {
        this.build = build;
        this.milliseconds = milliseconds;
        this.activity = activity;
    }

    static TimeoutTimer start(Build build, Map<String, Object> arguments) {
        Number time = (Number) arguments.getOrDefault("time", 0);
        TimeUnit unit = TimeUnit.valueOf((String) arguments.getOrDefault("unit", "MINUTES"));
        TimeoutTimer timer = new TimeoutTimer(build, unit.toMillis(time.longValue()),
                Boolean.TRUE.equals(arguments.get("activity")));
        if (!timer.isOver()) {
            timer.set();
        }
        return timer;
    }

    String description() {
        String duration = Durations.text(milliseconds);
        if (milliseconds <= 0) {
            return "Timeout expired " + duration + " ago";
        }
        return activity ? "Timeout set to expire after " + duration + " without activity"
                : "Timeout set to expire in " + duration;
    }

    /** Whether there is no time at all. */
    boolean isOver() {
        return milliseconds <= 0;
    }

    /** What ends the block. */
    synchronized FlowInterruptedException interruption() {
        build.console().print("Cancelling nested steps due to timeout", null);
        interruption = new FlowInterruptedException(Result.ABORTED, true, "Timeout has been exceeded");
        return interruption;
    }

    /** Outside of the block its own interruption is just a failure: one may try again. */
    synchronized void passed(Throwable cause) {
        if (cause == interruption && interruption != null) {
            interruption.setActualInterruption(false);
        }
    }

    /** The block has written something. */
    synchronized void active() {
        if (activity) {
            cancel();
            set();
        }
    }

    synchronized void cancel() {
        alarm.cancel(false);
    }

    private synchronized void set() {
        alarm = Timers.after(milliseconds, TimeUnit.MILLISECONDS, () -> build.interrupt(this, interruption()));
    }
}
