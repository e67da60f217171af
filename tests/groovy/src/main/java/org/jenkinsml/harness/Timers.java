package org.jenkinsml.harness;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/** Does things later, and things that take time beside the scripts. */
final class Timers {

    private static final ThreadFactory DAEMONS = task -> {
        Thread thread = new Thread(task, "harness");
        thread.setDaemon(true);
        return thread;
    };
    private static final ScheduledExecutorService CLOCK = Executors.newScheduledThreadPool(1, DAEMONS);
    private static final ExecutorService WORKERS = Executors.newCachedThreadPool(DAEMONS);

    private Timers() {
    }

    static ScheduledFuture<?> after(long delay, TimeUnit unit, Runnable task) {
        return CLOCK.schedule(task, delay, unit);
    }

    static void beside(Runnable task) {
        WORKERS.execute(task);
    }
}
